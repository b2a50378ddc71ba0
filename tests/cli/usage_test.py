"""The command line itself: help everywhere, and the nearest word to a wrong
one."""
import tool

COMMANDS = ["explain", "attend", "grad", "plan", "verify", "compare",
            "train", "predict", "evaluate", "show", "verify-model", "bench",
            "bench-layers", "devices"]


class Usage(tool.ToolTest):
    """None of these read a file."""

    def test_help_of_each_command_has_an_example(self):
        for arguments in [[]] + [[command] for command in COMMANDS]:
            for flag in ("--help", "-h"):
                text = self.run_well(*arguments, flag)
                self.assertIn("Usage: maskwise", text)
                self.assertRegex(text, r"Example:\n  (\w+=\w+ )?maskwise ")

    def test_help_names_every_command(self):
        text = self.run_well("--help")
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", text)

    def test_help_wins_over_missing_arguments(self):
        self.assertIn("--mask", self.run_well("attend", "x.st", "--help"))

    def test_version(self):
        self.assertRegex(self.run_well("--version"), r"^\d+\.\d+\.\d+\n$")

    def test_wrong_commands(self):
        known = "expected one of: " + ", ".join(COMMANDS)
        self.refuse([], "no command given; " + known)
        self.refuse(["atend"], f"unknown command 'atend'; {known}; did you "
                               "mean 'attend'?")
        self.refuse(["cheese", "--mask", "all"], "unknown command 'cheese'")
        self.refuse([""], "unknown command ''")
        self.refuse(["--hlep"], "unknown flag '--hlep'; did you mean '--help'?")
        self.refuse(["bad\ncommand\x1b[0m"], "unknown command 'bad command")
        self.refuse(["plan", "plan"], "missing")


if __name__ == "__main__":
    tool.main()
