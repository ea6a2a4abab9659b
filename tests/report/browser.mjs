// A browser without a window, led over its DevTools pipe: what the tests of the reports' page need and no more.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  // program: chromium's name or path.
  static async start(program) {
    const browser = new Browser();
    browser.home = mkdtempSync(join(tmpdir(), "recryst-browser-"));
    browser.process = spawn(
      program,
      ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--enable-unsafe-swiftshader", "--use-angle=swiftshader", "--hide-scrollbars", "--force-color-profile=srgb",
        `--user-data-dir=${browser.home}`, "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: browser.home } },
    );
    browser.waiting = new Map();
    browser.listeners = [];
    browser.number = 0;
    let rest = "";
    browser.process.stdio[4].setEncoding("utf8");
    browser.process.stdio[4].on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) browser.take(JSON.parse(message));
    });
    const gone = () => {
      for (const { reject } of browser.waiting.values()) reject(new Error("the browser ended"));
      browser.waiting.clear();
    };
    browser.process.on("exit", gone);
    browser.process.on("error", gone);
    browser.process.stdio[3].on("error", () => {});
    return browser;
  }
  take(message) {
    if (message.id !== undefined) {
      const { resolve, reject } = this.waiting.get(message.id) ?? {};
      this.waiting.delete(message.id);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result);
    } else for (const call of this.listeners) call(message);
  }
  send(method, params = {}, sessionId = undefined) {
    const id = ++this.number;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }
  async open(url, { width = 1280, height = 900, dark = false, phone = false, scale = 1 } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    for (const domain of ["Runtime", "Log", "Page", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: phone });
    await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    await page.send("Page.navigate", { url });
    await page.until("document.readyState === 'complete'");
    return page;
  }
  async stop() {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.send("Browser.close").catch(() => {});
    setTimeout(() => this.process.kill("SIGKILL"), 5000).unref();
    await ended;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target, problems: [], requests: [] });
    browser.listeners.push((message) => {
      if (message.sessionId !== session) return;
      const { method, params } = message;
      if (method === "Runtime.exceptionThrown") this.problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) this.problems.push(`console: ${params.args.map((a) => a.value ?? a.description).join(" ")}`);
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) this.problems.push(`log: ${params.entry.text}`);
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    });
  }
  send(method, params) {
    return this.browser.send(method, params, this.session);
  }
  async eval(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
  async until(condition, seconds = 60) {
    const end = Date.now() + 1000 * seconds;
    while (!(await this.eval(condition))) {
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${condition}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  // Scroll through all of the page until every figure is drawn.
  async seeAll() {
    const todo = `[...document.querySelectorAll(".plot, .viewer")].find((p) => p.offsetParent && !(p.dataset.drawn || p.dataset.atoms))`;
    for (let n = 0; n < 200 && (await this.eval(`(() => { const p = ${todo}; p?.scrollIntoView({ block: "center", behavior: "instant" }); return !!p; })()`)); n++)
      await new Promise((resolve) => setTimeout(resolve, 60));
    await this.until(`!(${todo})`, 60);
    await this.eval("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
  }
  async move(x, y) {
    await this.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
  }
  async touch(type, x, y) {
    await this.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
  }
  async press(key) {
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, code: key });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key });
  }
  async picture(file, clip) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, ...(clip ? { clip: { scale: 1, ...clip } } : {}) });
    writeFileSync(file, Buffer.from(data, "base64"));
  }
  // The whole page in pieces of at most `most` pixels of height: PREFIX-1.png, ...
  async pictures(prefix, most = 1800) {
    const [width, height] = await this.eval("[document.documentElement.clientWidth, document.documentElement.scrollHeight]");
    for (let y = 0, n = 1; y < height; y += most, n++) await this.picture(`${prefix}-${n}.png`, { x: 0, y, width, height: Math.min(most, height - y) });
  }
  async close() {
    await this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}
