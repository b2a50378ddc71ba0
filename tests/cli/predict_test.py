"""maskwise predict: an answer a line, each a function of its text alone."""
import json
import shutil
import subprocess

from models import ModelTest, WORDS
import tool


class Predict(ModelTest):
    """What letters and firsts answer."""

    def answers(self, *arguments):
        text = self.run_well("predict", *arguments)
        self.assertTrue(text.endswith("\n"))
        return text[:-1].split("\n")

    def test_what_was_learnt(self):
        self.assertEqual(self.answers("letters", *WORDS),
                         [" ".join(word.upper()) for word in WORDS])
        self.assertEqual(self.answers("firsts", *WORDS),
                         [f"label of {word[0]}" for word in WORDS])

    def test_an_answer_depends_on_its_text_alone(self):
        words = ["a", "acb", "bbbbb", "cc", "ba", "cabcabcab"]
        for beam in ("1", "3"):
            together = self.answers("letters", *words, "--beam", beam)
            for word, answer in zip(words, together):
                for flags in ([], ["--threads", "1"], ["--threads", "2"]):
                    self.assertEqual(self.answers("letters", word, "--beam",
                                                  beam, *flags), [answer])

    def test_a_file_may_begin_with_a_byte_order_mark(self):
        (self.dir / "texts").write_bytes(b"\xef\xbb\xbfabc\r\nb\r\n")
        self.assertEqual(self.answers("letters", "--input", "texts"),
                         ["A B C", "B"])

    def test_texts_of_a_file(self):
        expected = self.answers("letters", *WORDS)
        (self.dir / "plain.txt").write_text("\n".join(WORDS))
        (self.dir / "pairs.tsv").write_text(
            "".join(f"{word}\twhatever\r\n" for word in WORDS))
        for name in ("plain.txt", "pairs.tsv"):
            self.assertEqual(self.answers("letters", "--input", name), expected)
        with open(self.dir / "plain.txt", "rb") as text:
            result = subprocess.run(
                [tool.TOOL, "predict", "letters", "--input", "/dev/stdin"],
                cwd=self.dir, stdin=text, capture_output=True, check=True)
        self.assertEqual(result.stdout.decode().split("\n")[:-1], expected)

    def test_a_model_needs_no_training_beside_it(self):
        expected = self.answers("letters", *WORDS)
        for name in ("training.json", "last.safetensors"):
            (self.dir / "letters" / name).unlink()
        self.assertEqual(self.answers("letters", *WORDS), expected)

    def test_texts_that_cannot_be_read(self):
        for name in ("letters", "firsts"):
            for text, fragment in (
                    ("abx", "'abx' holds 'x', which is none of the 3 symbols "
                            "that the model was trained with"),
                    ("a\u00e9", "'a\u00e9' holds '\u00e9', which is none"),
                    ("", "'' has 0 symbols; expected from 1 to 256, the "
                         "model's max_length"),
                    ("a" * 257, "has 257 symbols; expected from 1 to 256"),
                    (b"a\xff", "is not UTF-8")):
                if isinstance(text, bytes):
                    (self.dir / "bad.txt").write_bytes(text)
                    self.refuse(["predict", name, "--input", "bad.txt"],
                                fragment)
                    continue
                self.refuse(["predict", name, "abc", text], fragment)

    def test_files_without_texts(self):
        for content, fragment in (
                (b"", "'in.txt' is empty; expected lines of text"),
                (b"abc\n\nb\n", "'in.txt', line 2: there is no text; expected "
                                "text, up to a tab"),
                (b"abc\n\tA\n", "'in.txt', line 2: there is no text"),
                (b"abc\nb\xff\n", "'in.txt', line 2: byte 2, 0xff, is not "
                                  "UTF-8"),
                (b"abc\nb\n" + b"a" * 257, "[predict] 'in.txt', line 3: 'aaaa"),
                (b"abc\nbx\tA\n", "[predict] 'in.txt', line 2: 'bx' holds 'x', "
                                  "which is none of the 3 symbols")):
            (self.dir / "in.txt").write_bytes(content)
            self.refuse(["predict", "letters", "--input", "in.txt"], fragment)
        self.refuse(["predict", "letters", "--input", "no.txt"],
                    "cannot open 'no.txt'")

    def test_bad_flags(self):
        for arguments, fragment in (
                ([], "MODEL_DIR is missing"),
                (["letters"], "nothing to answer; expected texts or --input"),
                (["letters", "a", "--input", "x"],
                 "texts and --input were given; expected one of them"),
                (["letters", "a", "--beam", "0"], "from 1 to 1000, got '0'"),
                (["letters", "a", "--threads", "x"], "from 1 to 1024, got 'x'"),
                (["letters", "a", "--beams", "2"], "did you mean '--beam'?")):
            self.refuse(["predict", *arguments], fragment)

    def test_folders_without_a_model(self):
        (self.dir / "file").write_text("x")
        (self.dir / "empty").mkdir()
        for name in ("no", "empty", "."):
            self.refuse(["predict", name, "a"],
                        f"cannot open '{name}/model.json': No such file")
        self.refuse(["predict", "file", "a"], "Not a directory")

    def test_files_that_do_not_fit_each_other(self):
        good = {path.name: path.read_bytes()
                for path in (self.dir / "letters").iterdir()}
        other = self.dir / "firsts"
        vocabulary = json.loads(good["source.json"])
        vocabulary["symbols"].reverse()
        turned = json.dumps(vocabulary).encode()
        vocabulary["symbols"].append("d")
        longer = json.dumps(vocabulary).encode()
        vocabulary["symbols"].append("d")
        twice = json.dumps(vocabulary).encode()
        options = json.loads(good["model.json"])

        def with_options(**changed):
            return json.dumps({**options, **changed}).encode()

        for name, content, fragment in (
                ("model.json", None, "cannot open 'letters/model.json'"),
                ("source.json", None, "cannot open 'letters/source.json'"),
                ("target.json", None, "cannot open 'letters/target.json'"),
                ("model.safetensors", None,
                 "cannot open 'letters/model.safetensors'"),
                ("model.json", b"{}", "'letters/model.json': expected an "
                                      "object with the text 'format'"),
                ("model.json", b"nonsense", "is not JSON"),
                ("model.json", with_options(format="x"), "format is 'x'"),
                ("model.json", with_options(task="x"),
                 "task is 'x'; expected one of: seq2seq, classify"),
                ("model.json", with_options(task="classify"),
                 "the list 'labels'"),
                ("model.json", with_options(task="classify", labels=[]), ""),
                ("model.json", with_options(layers=3),
                 "'letters/model.json' holds other settings than "
                 "'letters/model.safetensors' was trained with"),
                ("model.json", with_options(norm="rms"),
                 "only dropout, max_length and longest_answer may be"),
                ("model.json", with_options(layers=-1), ""),
                ("model.json", with_options(features=2 ** 62), ""),
                ("model.json", with_options(heads=3), ""),
                ("model.json", with_options(max_length=0), ""),
                ("model.json", with_options(longest_answer=-1), ""),
                ("model.json", (other / "model.json").read_bytes(),
                 "'letters/model.json' holds other settings"),
                ("source.json", longer, "'letters/source.json' holds other "
                                        "symbols"),
                ("source.json", turned, "'letters/source.json' holds other "
                                        "symbols"),
                ("source.json", twice, "'letters/source.json'"),
                ("target.json", b"[]", "'letters/target.json'"),
                ("model.safetensors", b"x", "'letters/model.safetensors'"),
                ("model.safetensors",
                 (other / "model.safetensors").read_bytes(),
                 "'letters/model.json' holds other settings")):
            with self.subTest(name=name, fragment=fragment,
                              content=content and content[:200]):
                if content is None:
                    (self.dir / "letters" / name).unlink()
                else:
                    (self.dir / "letters" / name).write_bytes(content)
                self.refuse(["predict", "letters", "abc"], fragment)
                (self.dir / "letters" / name).write_bytes(good[name])

    def test_a_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            self.refuse(["predict", "letters", "abc"],
                        "cannot write to standard output", stdout=full)


if __name__ == "__main__":
    tool.main()
