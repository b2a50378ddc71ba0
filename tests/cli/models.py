"""Small trained models, for the tests beside."""
import pathlib
import shutil
import subprocess
import tempfile

import tool

WORDS = ["abc", "cab", "b", "aabb", "ccc", "acbca"]


def trained(folder, name, lines, *flags):
    """A small model in folder/name."""
    path = pathlib.Path(folder)
    (path / "pairs.tsv").write_text("".join(line + "\n" for line in lines))
    subprocess.run([tool.TOOL, "train", "pairs.tsv", "--dev", "pairs.tsv", "-o",
                    name, "--updates", "60", "--rate", "0.01", *flags],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)


class ModelTest(tool.ToolTest):
    """Each test has a copy of letters, a model that spells, and of firsts, one
    that classifies by the first letter, and their pairs."""

    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.models = pathlib.Path(made.name)
        for name, line, *flags in (
                ("letters", lambda word: f"{word}\t{' '.join(word.upper())}"),
                ("firsts", lambda word: f"{word}\tlabel of {word[0]}", "--task",
                 "classify")):
            trained(made.name, name, [line(word) for word in WORDS], *flags)
            (cls.models / "pairs.tsv").rename(cls.models / f"{name}.tsv")

    def setUp(self):
        super().setUp()
        for name in ("letters", "firsts"):
            shutil.copytree(self.models / name, self.dir / name)
            shutil.copy(self.models / f"{name}.tsv", self.dir)
