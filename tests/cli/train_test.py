"""maskwise train: the same bytes however it runs, and whatever stops it."""
import fcntl
import json
import os
import pathlib
import pty
import random
import resource
import shutil
import signal
import struct
import subprocess
import termios
import time

import tool

FILES = {"last.safetensors", "model.json", "model.safetensors", "source.json",
         "target.json", "training.json"}
UPDATES = 20
TRAIN = ["train", "train.tsv", "--dev", "dev.tsv", "-o"]
BUDGET = ["--updates", UPDATES, "--batch", "8", "--rate", "0.005"]
# The same with an evaluation after each update.
EVALUATED = ["--updates", 10, *BUDGET[2:]]


def pairs(count, seed):
    """Words, and their letters as capitals."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abc", k=chance.randint(1, 5)))
             for _ in range(count)]
    return "".join(f"{word}\t{' '.join(word.upper())}\n" for word in words)


class Train(tool.ToolTest):
    """Each test has train.tsv and dev.tsv."""

    def setUp(self):
        super().setUp()
        (self.dir / "train.tsv").write_text(pairs(40, 1))
        (self.dir / "dev.tsv").write_text(pairs(6, 2))

    def train(self, folder, *flags):
        """The lines of a training that must succeed."""
        text = self.run_well(*TRAIN, folder, *(flags or BUDGET))
        return [json.loads(line) for line in text.splitlines()]

    def model(self, folder):
        return (self.dir / folder / "model.safetensors").read_bytes()

    def files(self, folder):
        return {path.name: path.read_bytes()
                for path in (self.dir / folder).iterdir()}

    def snapshot(self):
        """Also of what is in folders."""
        return {str(path): path.read_bytes() if path.is_file() else None
                for path in self.dir.rglob("*")}

    def refuse_pairs(self, bad, fragment, *flags):
        """A bad train.tsv, and a bad dev.tsv, are refused by their names."""
        for name in ("train.tsv", "dev.tsv"):
            good = (self.dir / name).read_bytes()
            (self.dir / name).write_bytes(bad)
            with self.subTest(name=name, bad=bad[:40]):
                self.refuse([*TRAIN, "m", *flags],
                            fragment.replace("FILE", name))
            (self.dir / name).write_bytes(good)

    def test_the_same_seed_gives_the_same_bytes(self):
        self.train("a")
        self.assertEqual(set(self.files("a")), FILES)
        for threads in ("1", "2"):
            self.train(threads, *BUDGET, "--threads", threads)
            self.assertEqual(self.model(threads), self.model("a"))
        self.train("other", *BUDGET, "--seed", "2")
        self.assertNotEqual(self.model("other"), self.model("a"))

    def test_a_model_says_what_its_parameters_were_trained_with(self):
        def fnv(*texts):
            digest = 0xcbf29ce484222325
            for text in texts:
                for byte in text.encode() + b"\xff":
                    digest = (digest ^ byte) * 0x100000001b3 % 2 ** 64
            return f"{digest:016x}"

        def symbols(name):
            found = json.loads((self.dir / "m" / name).read_text())
            return fnv(found["split"], *found["symbols"])
        self.train("m", "--updates", "1")
        content = self.model("m")
        header = json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])
        settings = json.loads((self.dir / "m" / "model.json").read_text())
        for free in ("dropout", "max_length", "longest_answer"):
            del settings[free]
        self.assertEqual(header["__metadata__"], {
            "maskwise.settings": fnv(json.dumps(settings,
                                                separators=(",", ":"))),
            "maskwise.source": symbols("source.json"),
            "maskwise.target": symbols("target.json")})

    def test_progress_as_json_lines(self):
        *lines, done = self.train("m")
        self.assertEqual([line["update"] for line in lines],
                         list(range(1, UPDATES + 1)))
        for line in lines:
            self.assertGreater(line["examples_per_second"], 0)
            self.assertEqual("dev_wer" in line, "best" in line)
        judged = [line for line in lines if "best" in line]
        self.assertEqual(len(judged), 10)
        best = [line for line in judged if line["best"]][-1]
        self.assertEqual(done["updates"], UPDATES)
        for name in ("dev_loss", "dev_wer", "dev_per"):
            self.assertEqual(done[name], best[name])
        self.assertLess(lines[-1]["loss"], lines[0]["loss"])

    def test_progress_on_a_terminal(self):
        ours, theirs = pty.openpty()
        result = self.tool(*TRAIN, "m", *BUDGET, stdout=theirs)
        os.close(theirs)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        text = tool.written_to(ours)
        first, *_, last, rest = text.split("\r")
        self.assertEqual((first, rest), ("", "\n"))
        self.assertRegex(text, r"\r\[=+ +\] update 10, loss [\d.]+, "
                         r"\d+ examples/s, 0:\d\d left; dev WER [\d.]+ %, "
                         r"PER [\d.]+ %\x1b\[K")
        self.assertRegex(last, rf"^m: {UPDATES} updates in 0:\d\d; dev WER ")

    def test_progress_as_lines(self):
        text = self.run_well(*TRAIN, "m", *BUDGET, "--progress", "lines")
        *lines, last = text.splitlines()
        self.assertEqual(len(lines), 10)
        for line in lines:
            self.assertRegex(line, r"^\[=* *\] update \d+, loss [\d.]+, \d+ "
                             r"examples/s, 0:\d\d left; dev WER [\d.]+ %, PER "
                             r"[\d.]+ %$")
        self.assertRegex(last, rf"^m: {UPDATES} updates in 0:\d\d; dev WER ")
        self.refuse([*TRAIN, "n", "--progress", "x"], "[train] unknown "
                    "--progress 'x'; expected auto, line, lines or json")

    def test_sources_are_split_as_most_of_them_say(self):
        (self.dir / "train.tsv").write_text(
            "ab c\tX\nabc\tY\nb\tX\n")
        (self.dir / "dev.tsv").write_text("ab c\tX\n")

        def symbols(folder, *flags):
            self.train(folder, "--updates", "1", *flags)
            return json.loads((self.dir / folder / "source.json").read_text())[
                "symbols"]
        self.assertEqual(set(symbols("m")), {"a", "b", "c", " "})
        self.assertEqual(set(symbols("w", "--split", "blanks")),
                         {"ab", "c", "abc", "b"})
        (self.dir / "train.tsv").write_text("ab c\tX\na b\tY\nb\tX\n")
        self.assertEqual(set(symbols("b")), {"a", "ab", "b", "c"})
        self.assertEqual(set(symbols("c", "--split", "characters")),
                         {"a", "b", "c", " "})
        self.refuse([*TRAIN, "n", "--split", "x"], "[train] unknown split 'x'; "
                    "expected auto, characters or blanks")

    def test_a_training_that_diverges_is_an_error(self):
        result = self.tool(*TRAIN, "m", *BUDGET[:-2], "--rate", "1e30")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr.decode(), r"^maskwise: \[train\] after "
                         r"update \d+ the loss on --dev is -?(nan|inf); expected "
                         r"a finite one, try a smaller --rate\n$")

    def test_progress_fits_the_terminal(self):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 40, 0, 0))
        result = self.tool(*TRAIN, "m", *BUDGET, stdout=theirs)
        os.close(theirs)
        self.assertEqual(result.returncode, 0)
        for line in tool.written_to(ours).split("\r")[1:3]:
            self.assertEqual(len(line.removesuffix("\x1b[K")), 39)

    def test_a_budget_of_seconds(self):
        begin = time.monotonic()
        done = self.train("m", "--seconds", "0.3")[-1]
        self.assertLess(time.monotonic() - begin, 30)
        self.assertGreaterEqual(done["seconds"], 0.3)
        before = self.snapshot()
        again, = self.train("m", "--resume")
        self.assertIs(again["already"], True)
        self.assertEqual(self.snapshot(), before)

    def test_a_classifier(self):
        for name, count in (("train.tsv", 40), ("dev.tsv", 6)):
            lines = pairs(count, count).splitlines()
            (self.dir / name).write_text("".join(
                f"{line.split()[0]}\tstarts with {line[0]}\n"
                for line in lines))
        done = self.train("m", *BUDGET, "--task", "classify")[-1]
        self.assertIn("dev_accuracy", done)
        self.assertEqual(set(self.files("m")), FILES - {"target.json"})
        (self.dir / "dev.tsv").write_text("abc\tstarts with a\nb\tno label\n")
        self.refuse([*TRAIN, "x", "--task", "classify"],
                    "'dev.tsv', line 2: the label 'no label' is none of the "
                    "model's 3")

    def test_a_folder_that_is_in_use(self):
        (self.dir / "m").mkdir()
        self.train("m")
        for name in ("m", "train.tsv"):
            self.refuse([*TRAIN, name], f"'{name}' is there and not empty; "
                        "expected another folder, or --resume")
        self.refuse([*TRAIN, "train.tsv/m"], "Not a directory")
        self.refuse([*TRAIN, ""], "cannot make the folder ''")

    def test_pairs_that_are_none(self):
        for bad, what in ((b"a\tA\n\nb\tB\n", "line 2: the line is empty"),
                          (b"a\tA\nb\n", "line 2: there is no tab"),
                          (b"a\tA\nb\t\n", "line 2: the target is empty"),
                          (b"\tA\n", "line 1: the source is empty"),
                          (b"a\tA\tB\n", "line 1: there are 2 tabs"),
                          (b"a\tA\n\xff\tB\n", "line 2: byte 1, 0xff, is not "
                                               "UTF-8")):
            self.refuse_pairs(bad, f"'FILE', {what}; expected a source, a tab "
                                   "and a target")
        self.refuse_pairs(b"", "'FILE' is empty; expected lines")
        self.refuse([*TRAIN[:1], "no.tsv", *TRAIN[2:], "m"],
                    "cannot open 'no.tsv': No such file")

    def test_texts_longer_than_a_model_takes(self):
        good = b"a\tA\n"
        self.refuse_pairs(good + b"a" * 257 + b"\tA\n",
                          "'FILE', line 2: 'aaaaaaaa")
        # With its end a target of 256 symbols is one too long.
        self.refuse_pairs(good + b"a\t" + b"A " * 256 + b"\n",
                          "has 257 symbols; expected from 1 to 256, the "
                          "model's max_length")

    def test_bad_flags(self):
        for flags, fragment in (
                (["--task", "clasify"], "unknown task 'clasify'; expected "
                                        "seq2seq or classify"),
                (["--preset", "big"], "unknown preset 'big'; expected tiny or "
                                      "small"),
                (["--updates", "0"], "expected a whole number from 1 to"),
                (["--updates", "3", "--seconds", "3"],
                 "--updates and --seconds were given; expected one"),
                (["--seconds", "0"], "expected a number above 0, got '0'"),
                (["--seconds", "inf"], "expected a number above 0, got 'inf'"),
                (["--rate", "-1"], "expected a number above 0, got '-1'"),
                (["--dropout", "1"], "expected a number from 0 to below 1, "
                                     "got '1'"),
                (["--smoothing", "1"], "expected a number from 0 to below 1, "
                                       "got '1'"),
                (["--smoothing", "nan"], "got 'nan'"),
                (["--batch", "0"], "expected a whole number from 1 to"),
                (["--seed", "-1"], "expected a whole number from 0 to"),
                (["--threads", "0"], "from 1 to 1024, got '0'"),
                (["--resume=1"], "takes no value"),
                (["--update", "3"], "did you mean '--updates'?")):
            with self.subTest(flags=flags):
                self.refuse([*TRAIN, "m", *flags], fragment)
        self.refuse(["train", "train.tsv", "-o", "m"], "--dev DEV.tsv is "
                                                       "missing")

    def test_resuming_what_is_done_changes_nothing(self):
        done = self.train("m")[-1]
        before = self.snapshot()
        for flags in ([], ["--threads", "1"]):
            again, = self.train("m", "--resume", *flags)
            self.assertEqual(again.pop("already"), True)
            self.assertAlmostEqual(again["seconds"], done["seconds"], delta=1)
            self.assertEqual({**again, "seconds": 0}, {**done, "seconds": 0})
        self.assertEqual(self.snapshot(), before)

    def test_resuming_what_is_no_training(self):
        (self.dir / "empty").mkdir()
        for name in ("no", "empty"):
            self.refuse([*TRAIN, name, "--resume"],
                        f"'{name}' holds no training to go on with; begin one "
                        "without --resume")
        for name in ("train.tsv", "."):
            self.refuse([*TRAIN, name, "--resume"],
                        f"'{name}' holds no training to go on with, no "
                        "training.json; begin one without --resume, in another "
                        "folder")
        self.train("m")
        for flag in (["--seed", "1"], ["--updates", "30"], ["--rate", "1"],
                     ["--task", "seq2seq"]):
            self.refuse([*TRAIN, "m", "--resume", *flag],
                        f"{flag[0]} was given with --resume, which goes on as "
                        "the training was begun; leave it out")

    def test_resuming_with_other_pairs(self):
        self.train("m")
        # Where they are plays no part, nor how their lines end.
        moved = (self.dir / "train.tsv").read_bytes().replace(b"\n", b"\r\n")
        (self.dir / "moved.tsv").write_bytes(moved)
        self.run_well("train", "moved.tsv", "--dev", "dev.tsv", "-o", "m",
                      "--resume")
        (self.dir / "other.tsv").write_text(pairs(40, 3))
        for flag, files in (("TRAIN.tsv", ["other.tsv", "--dev", "dev.tsv"]),
                            ("--dev", ["train.tsv", "--dev", "other.tsv"])):
            self.refuse(["train", *files, "-o", "m", "--resume"],
                        f"'other.tsv' holds other pairs than the {flag} that "
                        "the training in 'm' was begun with")

    def test_resuming_with_files_that_do_not_fit(self):
        self.train("m")
        (self.dir / "train.tsv").write_text("a\tA\nb\tB\n")
        (self.dir / "dev.tsv").write_text("b\tB\n")
        self.train("classes", *BUDGET, "--task", "classify")
        (self.dir / "train.tsv").write_text("xyz\tX Y Z W\n")
        self.train("alien")
        (self.dir / "train.tsv").write_text(pairs(40, 3))
        self.train("twin")
        (self.dir / "train.tsv").write_text(pairs(40, 1))
        (self.dir / "dev.tsv").write_text(pairs(6, 2))
        good = self.files("m")
        settings = json.loads(good["training.json"])

        def with_settings(**changed):
            return json.dumps({**settings, **changed}).encode()

        for name, content, fragment in (
                ("training.json", b"{}", "'m/training.json' holds no settings "
                                         "of a training: 'task' is missing; "
                                         "expected a text"),
                ("training.json", b"{\n[", "holds no settings of a training: "
                                          "parse error at line 2, column 1: "),
                ("training.json", b'{"task": "\xff"}', "ill-formed UTF-8 byte\n"),
                ("training.json", b"[1]", "training: expected an object"),
                ("training.json", with_settings(seed="1\n"),
                 "'seed' is \"1\\n\"; expected a whole number"),
                ("training.json", with_settings(updates=1.5),
                 "'updates' is 1.5; expected a whole number"),
                ("training.json", with_settings(seed=2 ** 63),
                 "'seed' is 9223372036854775808; expected at most "
                 "9223372036854775807"),
                ("training.json", with_settings(rate=None),
                 "'rate' is null; expected a number"),
                ("training.json", with_settings(task=["x" * 50]),
                 "'task' is [\"" + "x" * 38 + "...; expected a text"),
                ("training.json", with_settings(updates=None),
                 "expected updates or seconds"),
                ("training.json", with_settings(seconds=1),
                 "expected updates or seconds"),
                ("training.json", with_settings(updates=0), "updates"),
                ("training.json", with_settings(batch=0), "batch"),
                ("training.json", with_settings(task="x"),
                 "unknown task 'x'"),
                ("training.json", with_settings(seed=2),
                 "'m/last.safetensors' is of a training of 40 examples with "
                 "seed 1; expected 40 examples and seed 2"),
                ("training.json", with_settings(batch=4),
                 "'m/last.safetensors' was begun with other settings or pairs "
                 "than 'm/training.json' says"),
                ("last.safetensors", self.files("twin")["last.safetensors"],
                 "'m/last.safetensors' was begun with other settings or pairs "
                 "than 'm/training.json' says"),
                ("last.safetensors", None, "'m' has a model but no "
                                           "last.safetensors"),
                ("last.safetensors", b"x", "'m/last.safetensors'"),
                ("last.safetensors", good["model.safetensors"],
                 "which is no part of a checkpoint"),
                ("last.safetensors", self.files("alien")["last.safetensors"],
                 "'m/last.safetensors' does not fit the "),
                ("last.safetensors", self.files("classes")["last.safetensors"],
                 "'m/last.safetensors' does not fit the "),
                ("model.safetensors", self.files("alien")["model.safetensors"],
                 "'m/source.json' holds other symbols than "
                 "'m/model.safetensors' was trained with"),
                ("source.json", self.files("alien")["target.json"],
                 "'m/source.json' holds other symbols than "
                 "'m/model.safetensors' was trained with"),
                ("model.json", None, "cannot open 'm/model.json'")):
            with self.subTest(name=name, fragment=fragment):
                if content is None:
                    (self.dir / "m" / name).unlink()
                else:
                    (self.dir / "m" / name).write_bytes(content)
                self.refuse([*TRAIN, "m", "--resume"], fragment)
                (self.dir / "m" / name).write_bytes(good[name])
        self.without_our_numbers("m/last.safetensors")
        self.refuse([*TRAIN, "m", "--resume"],
                    "'m/last.safetensors' holds no number 'best_wrong'; it is "
                    "no checkpoint of this tool")

    def without_our_numbers(self, name):
        tensors = self.read(name)
        del tensors["number.best_wrong"]
        self.write(name, tensors)

    def test_a_training_goes_on_after_any_kill(self):
        begin = time.monotonic()
        self.train("whole")
        whole = time.monotonic() - begin
        seed = random.randrange(10 ** 6)
        chance = random.Random(seed)
        kills = 0
        for k in range(4):
            resume = []
            for _ in range(3):
                kills += self.killed_after(chance.uniform(0, 1.1 * whole),
                                           f"m{k}", resume)
                resume = self.flag_to_go_on(f"m{k}")
            self.train(f"m{k}", *(resume or BUDGET))
            self.assertEqual(set(self.files(f"m{k}")), FILES, seed)
            self.assertEqual(self.model(f"m{k}"), self.model("whole"),
                             f"seed {seed}")
        self.assertGreater(kills, 0)

    def killed_after(self, seconds, folder, resume):
        """Whether it ran until it was killed."""
        with subprocess.Popen([tool.TOOL, *map(str, TRAIN), folder,
                               *map(str, resume or BUDGET)], cwd=self.dir,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            time.sleep(seconds)
            process.kill()
            self.assertEqual(process.stderr.read(), b"")
        return process.returncode != 0

    def flag_to_go_on(self, folder):
        """What is there can be used, and then --resume; else nothing is."""
        there = pathlib.Path(self.dir, folder)
        if not (there / "training.json").exists():
            return []
        if (there / "model.safetensors").exists():
            self.run_well("predict", folder, "abc")
        return ["--resume"]

    def test_one_training_at_a_time_in_a_folder(self):
        what = "another training is under way in 'm'; wait for it, or choose"
        with subprocess.Popen([tool.TOOL, *map(str, TRAIN), "m", "--seconds",
                               "300"], cwd=self.dir,
                              stdout=subprocess.DEVNULL) as process:
            try:
                while not (self.dir / "m" / "training.json").exists():
                    time.sleep(0.01)
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED)
                (self.dir / "m" / ".maskwise-1-2.tmp").write_bytes(b"half")
                self.refuse([*TRAIN, "m", "--resume"], what)
                self.refuse([*TRAIN, "m"], "'m' is there and not empty")
            finally:
                process.kill()
        settings = self.dir / "m" / "training.json"
        told = json.loads(settings.read_text())
        settings.write_text(json.dumps({**told, "seconds": 0.01}))
        self.train("m", "--resume")  # a kill lets go, and nothing half is left
        self.assertEqual(set(self.files("m")), FILES)

    def test_a_training_that_another_was_faster_than(self):
        (self.dir / "m").mkdir()
        lock = os.open(self.dir / "m", os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.refuse([*TRAIN, "m"], "another training is under way in 'm'")
        os.close(lock)
        self.train("m")
        self.assertEqual(set(self.files("m")), FILES)

    def stopped(self, folder, *flags):
        """A training that ends after its next evaluation: it cannot tell."""
        with open("/dev/full", "wb") as full:
            result = self.tool(*TRAIN, folder, *flags, stdout=full)
        self.assertIn(b"cannot write to standard output", result.stderr)

    def assert_same_training(self, folder, other):
        """But for the clock, and what was the best model."""
        ours, theirs = (self.read(f"{name}/last.safetensors")
                        for name in (folder, other))
        self.assertEqual(set(ours), set(theirs))
        for name, tensor in ours.items():
            if not name.startswith(("number.seconds", "number.best_")):
                self.assertEqual(tensor.values, theirs[name].values, name)

    def test_a_kill_between_any_two_files(self):
        """With what is in the folder before each of its first writes."""
        self.train("whole", *EVALUATED)
        self.stopped("first", *EVALUATED)
        self.assertEqual(set(self.files("first")), FILES)
        first = self.files("first")
        order = ["training.json", "last.safetensors", "model.json",
                 "source.json", "target.json", "model.safetensors"]
        for count in range(len(order) + 1):
            folder = self.dir / f"m{count}"
            folder.mkdir()
            for name in order[:count]:
                (folder / name).write_bytes(first[name])
            (folder / ".maskwise-1-2.tmp").write_bytes(b"half")
            lines = self.train(folder.name,
                               *(["--resume"] if count else EVALUATED))
            self.assertEqual(lines[0]["update"], 2 if count > 1 else 1)
            self.assertEqual(set(self.files(folder.name)), FILES)
            self.assertEqual(self.model(folder.name), self.model("whole"))
            self.assert_same_training(folder.name, "whole")
            ours, theirs = (self.read(f"{name}/last.safetensors")
                            for name in (folder.name, "whole"))
            for name in ("number.best_wrong", "number.best_edits",
                         "number.best_loss"):
                self.assertEqual(ours[name].values, theirs[name].values)

    def test_a_training_whose_model_was_deleted_goes_on(self):
        self.train("whole", *EVALUATED)
        self.stopped("m", *EVALUATED)
        for _ in range(3):
            self.stopped("m", "--resume")
        for name in ("model.json", "model.safetensors"):
            (self.dir / "m" / name).unlink()
        *lines, done = self.train("m", "--resume")
        self.assertEqual([line["update"] for line in lines], list(range(5, 11)))
        self.assertNotIn("already", done)
        self.assertEqual(set(self.files("m")), FILES)
        self.assert_same_training("m", "whole")
        self.run_well("predict", "m", "abc")

    def test_a_training_that_is_done_has_its_model_made_again(self):
        done = self.train("m", *EVALUATED)[-1]
        (self.dir / "m" / "model.safetensors").unlink()
        shutil.copytree(self.dir / "m", self.dir / "before")
        again, = self.train("m", "--resume")
        self.assertIs(again["already"], True)
        self.assertEqual(again["updates"], done["updates"])
        self.assertEqual(set(self.files("m")), FILES)
        self.assert_same_training("m", "before")
        # The parameters are those that the training has come to.
        last, model = (self.read(f"m/{name}.safetensors")
                       for name in ("last", "model"))
        for name, tensor in model.items():
            self.assertEqual(tensor.values, last[f"model.{name}"].values)
        before = self.snapshot()
        self.train("m", "--resume")
        self.assertEqual(self.snapshot(), before)

    def test_a_full_disk_leaves_a_training_to_go_on_with(self):
        self.train("whole")

        def limit():  # a model fits, a training does not
            resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, 1500000))
        result = self.tool(*TRAIN, "m", *BUDGET, preexec_fn=limit)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"cannot write 'm/last.safetensors': File too large",
                      result.stderr)
        self.assertEqual(result.stderr.count(b"\n"), 1)
        self.assertEqual(set(self.files("m")), {"training.json"})
        with open("/dev/full", "wb") as full:
            result = self.tool(*TRAIN, "m", "--resume", stdout=full)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"cannot write to standard output", result.stderr)
        half = self.tool(*TRAIN, "m", "--resume", preexec_fn=limit)
        self.assertEqual(half.returncode, 2)
        self.train("m", "--resume")
        self.assertEqual(self.model("m"), self.model("whole"))

    def test_a_copy_of_a_folder_goes_on(self):
        self.train("m")
        shutil.copytree(self.dir / "m", self.dir / "copy")
        again, = self.train("copy", "--resume")
        self.assertEqual(again["model"], "copy")


if __name__ == "__main__":
    tool.main()
