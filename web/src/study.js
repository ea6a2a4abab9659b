export function studyPage() {}
