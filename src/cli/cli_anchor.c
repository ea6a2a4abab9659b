/* Keeps the command's library non-empty before its first subcommand exists; removed with it. */
int rcr_cli_anchor(void);
int rcr_cli_anchor(void) { return 0; }
