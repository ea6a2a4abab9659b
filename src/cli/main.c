#include "cli/cli.h"

int main(int argc, char **argv) { return rcr_cli_main(argc, argv); }
