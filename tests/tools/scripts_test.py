"""Each script answers --help with its own few lines, and does nothing else;
what it does not know it refuses before it does anything."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Scripts(unittest.TestCase):
    """From wherever they are called."""

    def test_help(self):
        scripts = [path for path in (ROOT / "scripts").iterdir()
                   if path.suffix != ".sh"]
        self.assertGreaterEqual(len(scripts), 5)
        for path in scripts:
            for flag in ("--help", "-h"):
                with (self.subTest(script=path.name, flag=flag),
                      tempfile.TemporaryDirectory() as elsewhere):
                    result = subprocess.run(
                        [path, flag], cwd=elsewhere, check=False, timeout=60,
                        stdin=subprocess.DEVNULL, capture_output=True,
                        text=True)
                    self.assertEqual((result.returncode, result.stderr),
                                     (0, ""))
                    # The comment that the script begins with, and no more.
                    for line in result.stdout.splitlines():
                        self.assertIn(f"# {line}\n", path.read_text())
                    self.assertIn(len(result.stdout.splitlines()), range(2, 9))

    def test_bench_refuses_what_it_does_not_know(self):
        for arguments, message in [
                (["--pass", "sideways"], "no pass 'sideways'; expected forward, "
                 "backward or layers"),
                (["--pass=forward layers"], "no pass 'forward layers'"),
                (["--quick", "--pass"], "--pass needs a name"),
                (["--pas"], "no option '--pas'; expected --pass, --quick, "
                 "--peers or --report")]:
            with self.subTest(arguments=arguments):
                result = subprocess.run(
                    [ROOT / "scripts/bench", *arguments], check=False,
                    timeout=60, stdin=subprocess.DEVNULL, capture_output=True,
                    text=True)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(message, result.stderr)

    def test_demo_refuses_what_is_no_dictionary(self):
        with tempfile.TemporaryDirectory() as elsewhere:
            (pathlib.Path(elsewhere) / "few.txt").write_text("cat K AE T\n")
            for name, message in [
                    ("nowhere.txt", "'nowhere.txt' is no file that can be "
                     "read; expected a dictionary"),
                    (".", "'.' is no file"),
                    ("few.txt", "found 1 words with phonemes; expected at "
                     "least 500, one on each line")]:
                with self.subTest(name=name):
                    result = subprocess.run(
                        [ROOT / "scripts/demo", name], cwd=elsewhere,
                        check=False, timeout=60, stdin=subprocess.DEVNULL,
                        capture_output=True, text=True)
                    self.assertEqual((result.returncode, result.stdout),
                                     (2, ""))
                    self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
