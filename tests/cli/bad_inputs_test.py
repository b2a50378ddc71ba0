"""Every bad input: exit 2, one clear line, nothing printed or written.

The cases are tables of what is given and of the words that the message must
hold. An output that is there already must stay as it is.
"""
import json
import math
import os
import resource
import struct

import tool
from reference import random_tensor
from tool import Tensor, with_length

ENTRY = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


def header(**changes):
    """One tensor of four bytes, with changes; None leaves a field out."""
    entry = {key: value for key, value in {**ENTRY, **changes}.items()
             if value is not None}
    return with_length(json.dumps({"q": entry}), b"1234")


def two(first, second, data=b"12345678"):
    entries = {name: {**ENTRY, "data_offsets": offsets}
               for name, offsets in (("a", first), ("b", second))}
    return with_length(json.dumps(entries), data)


# bytes of IN -> what the message says
FILES = [
    (b"", "is empty; expected 8 bytes of header length"),
    (b"1234567", "has only 7 bytes; it was cut off"),
    (struct.pack("<Q", 100) + b"{}", "header has 100 bytes, but only 2 follow"),
    (struct.pack("<Q", 2 ** 64 - 1) + b"{}",
     "header has 18446744073709551615 bytes, but only 2 follow"),
    (struct.pack("<Q", 2 ** 63) + b"{}",
     "header has 9223372036854775808 bytes, but only 2 follow"),
    (struct.pack("<Q", 0), "header: found '' at its start; expected '{'"),
    (b"PK\x03\x04" + bytes(40), "looks like a PyTorch or .npz archive"),
    (with_length("{"), "header: found no JSON at byte 2"),
    (with_length("[1]"), "header: found '[1]' at its start; expected '{'"),
    (with_length("{}"), "no tensor 'q'"),
    (with_length("{}", b"x"), "found 1 bytes after the last tensor"),
    (with_length("[" * 5000), "header: found '[[[[[[[[...' at its start"),
    (with_length('{"q":' + "[" * 5000),
     "tensor 'q': found an array; expected an object with dtype"),
    (with_length('{"q":1}'), "tensor 'q': found the number 1; expected"),
    (header()[:-1], "the file ends after 3 of 4 bytes"),
    (header() + b"5", "found 1 bytes after the last tensor"),
    (header(dtype="F8"), "unknown dtype 'F8'; expected one of: BOOL, U8, I8,"),
    (header(dtype="f32"), "unknown dtype 'f32'"),
    (header(dtype=7), "expected a string such as \"F32\""),
    (header(dtype=None), "tensor 'q': found no dtype; expected one"),
    (header(shape=None), "tensor 'q': found no shape; expected one"),
    (header(data_offsets=None), "tensor 'q': found no data_offsets"),
    (header(more=1), "unknown field 'more'; expected dtype, shape"),
    (header(shape=[5]), "data_offsets [0, 4] of 4 bytes; expected 5 bytes"),
    (header(shape=[-4]), "found the negative number -4"),
    (header(shape=[4.0]), "found the number 4.0"),
    (header(shape=[2 ** 64]), "18446744073709551616"),
    (header(shape=[2 ** 63]), "9223372036854775808"),
    (header(shape=[2 ** 32, 2 ** 32]), "do not fit in 63 bits"),
    (header(shape=[2 ** 62, 2 ** 62, 0], data_offsets=[0, 0]),
     "do not fit in 63 bits"),
    (header(shape=[1] * 17), "more than 16 numbers"),
    (header(data_offsets=[0]), "found [0]; expected [begin, end]"),
    (header(data_offsets=[0, 4, 4]), "more than 2 numbers"),
    (header(data_offsets=[4, 0]), "[4, 0]; expected begin <= end"),
    (header(data_offsets=[1, 5]), "at byte 1, after a hole; expected it"),
    (header(data_offsets=[-1, 3]), "found the negative number -1"),
    (header(data_offsets=[0, 2 ** 70]), "1180591620717411303424"),
    (header(data_offsets=[2 ** 63 - 4, 2 ** 63 - 1]),
     "of 3 bytes; expected 4 bytes"),
    (two([0, 4], [2, 6]),
     "tensor 'b': found its data at byte 2, inside another"),
    (two([0, 4], [0, 4]),
     "tensor 'b': found its data at byte 0, inside another"),
    (two([0, 4], [5, 9], b"123456789"), "tensor 'b': found its data at byte 5"),
    (with_length('{"q":%s,"q":%s}' % ((json.dumps(ENTRY),) * 2), b"1234"),
     "tensor 'q': found twice; expected each name once"),
    (with_length('{"q":{"dtype":"U8","dtype":"U8","shape":[4],'
                 '"data_offsets":[0,4]}}', b"1234"),
     "dtype: found twice; expected each field once"),
    (with_length('{"%s":%s}' % ("n" * 4097, json.dumps(ENTRY)), b"1234"),
     "its name has 4097 bytes; expected at most 4096"),
    (with_length('{"q\\ud800":1}'), "header: found no JSON at byte 10"),
    (header(dtype="BOOL"), "expected 0 or 1 in a BOOL tensor"),
]


def good():
    return {"q": random_tensor([2, 4, 5, 6], 1),
            "k": random_tensor([2, 2, 5, 6], 2),
            "v": random_tensor([2, 2, 5, 3], 3),
            "do": random_tensor([2, 4, 5, 3], 4)}


def zeros(*shape, dtype="F32"):
    return Tensor(shape, [0] * tool.size_of(shape), dtype)


# tensors that replace those of good(); None leaves one out
TENSORS = [
    ({"q": None}, "has no tensor 'q'; expected q [B, H, Lq, D], found do "
                  "[2, 4, 5, 3], k [2, 2, 5, 6], v [2, 2, 5, 3]"),
    ({"k": None}, "has no tensor 'k'"),
    ({"v": None}, "has no tensor 'v'"),
    ({"q": zeros(2, 5, 6)}, "expected q [B, H, Lq, D] in in.st, got [2, 5, 6]"),
    ({"k": zeros(1, 2, 2, 5, 6)}, "expected k [B, Hkv, Lk, D]"),
    ({"v": zeros(1)}, "expected v [B, Hkv, Lk, Dv]"),
    ({"k": zeros(2, 3, 5, 6)}, "with Hkv a divisor of 4, to fit q"),
    ({"k": zeros(2, 0, 5, 6)}, "with Hkv a divisor of 4, to fit q"),
    ({"k": zeros(3, 2, 5, 6)}, "k is [3, 2, 5, 6] in in.st; expected [2, Hkv"),
    ({"k": zeros(2, 2, 5, 7)}, "expected [2, Hkv, Lk, 6]"),
    ({"k": zeros(2, 5, 4, 6), "v": zeros(2, 5, 4, 3)},
     "the head and length axes look swapped"),
    ({"q": zeros(2, 4, 6, 6), "k": zeros(2, 6, 2, 6), "v": zeros(2, 6, 2, 3)},
     "the head and length axes look swapped"),
    ({"v": zeros(2, 2, 4, 3)}, "v is [2, 2, 4, 3] in in.st; expected "
                               "[2, 2, 5, Dv] to fit k [2, 2, 5, 6]"),
    ({"v": zeros(2, 4, 5, 3)}, "to fit k [2, 2, 5, 6]"),
    ({"v": zeros(1, 2, 5, 3)}, "to fit k [2, 2, 5, 6]"),
    ({"q": zeros(2, 4, 5, 0), "k": zeros(2, 2, 5, 0)}, "head_dim 0"),
    ({"q": zeros(2, 4, 5, 6, dtype="I32")}, "expected q of type f32, f16 or "
                                            "bf16, got i32"),
    ({"k": zeros(2, 2, 5, 6, dtype="F64")}, "got f64"),
    ({"v": zeros(2, 2, 5, 3, dtype="BOOL")}, "got bool"),
    ({"bias": zeros(5, 4)}, "expected a bias that broadcasts to [B, H, Lq, Lk]"
                            " = [2, 4, 5, 5], got [5, 4]"),
    ({"bias": zeros(1, 2, 4, 5, 5)}, "expected a bias that broadcasts"),
    ({"bias": zeros(5, dtype="I64")}, "expected bias of type f32"),
    ({"alibi_slopes": zeros(3)}, "[H] = [4], got [3]"),
    ({"alibi_slopes": zeros(4, dtype="I32")}, "got i32"),
    ({"alibi_slopes": zeros(4), "q_positions": zeros(4, dtype="I32")},
     "expected q_positions of shape [5] or [2, 5], got [4]"),
    ({"alibi_slopes": zeros(4), "kv_positions": zeros(5)},
     "expected kv_positions of type i32 or i64, got f32"),
    # The mask's own tensors; the mask below names each of them.
    ({"ids": zeros(2, 4, dtype="I64")}, "[B, Lk] = [2, 5], got [2, 4]"),
    ({"ids": zeros(2, 5)}, "expected integers of type i32 or i64, got f32"),
    ({"m": zeros(5, 4, dtype="BOOL")}, "= [2, 4, 5, 5], got [5, 4]"),
    ({"m": zeros(5, 5)}, "expected booleans (bool, or u8 of 0 and 1), got f32"),
    ({"m": zeros(5, 5, dtype="I64")}, "expected booleans"),
    ({"m": Tensor([5], [0, 1, 2, 1, 0], "U8")}, "found 2 at element 2"),
    ({"m": zeros(1, 2, 4, 5, 5, dtype="BOOL")},
     "expected a tensor of 1 to 4 axes"),
    ({"n": Tensor([2], [3, 6], "I64")},
     "the length of batch item 1 is 6; expected 0 to 5"),
    ({"n": Tensor([2], [-1, 5], "I64")},
     "the length of batch item 0 is -1; expected 0 to 5"),
    ({"n": zeros(3, dtype="I64")},
     "expected one length for each of the 2 batch items, got 3"),
    ({"n": zeros(2)}, "as a tensor [B] of i32 or i64, got f32 [2] in n"),
]

NAMING = {"ids": "padding(ids)", "m": "allow(m)", "n": "lengths(n)"}

BEYOND = "is beyond 64 bits"
# mask -> what the message says; the shape is [2, 4, 5, 5]
MASKS = [
    ("", "found the end of the text; expected a mask word"),
    ("casual", "unknown mask word 'casual'; did you mean 'causal'?"),
    ("causal &", "column 9: found the end of the text"),
    ("causal causal", "column 8: found 'causal'; expected &, |"),
    ("(causal", "expected ')' after the expression in parentheses"),
    ("causal)", "column 7: found ')'; expected &, | or the end"),
    ("(" * 5000, "more than 64 levels"),
    ("(" * 5000 + "causal" + ")" * 5000, "more than 64 levels"),
    ("~" * 5000 + "causal", "more than 64 levels"),
    ("causal" + " & causal" * 10000, "has 90006 bytes; expected at most 65536"),
    ("causal(", "column 8: found the end of the text"),
    ("causal(align=left)", "unknown align 'left'; did you mean 'top_left'?"),
    ("causal(aling=top_left)", "did you mean 'align'?"),
    ("causal(align=top_left, offset=1)", "both align and offset"),
    ("causal(offset=9223372036854775808)", BEYOND),
    ("causal(offset=-9223372036854775809)", BEYOND),
    ("sliding_window(left=99999999999999999999)", BEYOND),
    ("sliding_window(left=1e3)", "found '1e3'; expected a whole number"),
    ("sliding_window(left=-1)", "left is -1; expected a count of keys >= 0"),
    ("dilated(0)", "stride is 0; expected a number >= 1"),
    ("dilated(stride=-2)", "stride is -2; expected a number >= 1"),
    ("chunked(0)", "size is 0; expected a number >= 1"),
    ("chunked(size=18446744073709551616)", BEYOND),
    ("prefix(-1)", "-1 keys; expected a count >= 0"),
    ("prefix([1,2,3])", "one count for each of the 2 batch items, got 3"),
    ("prefix(99999999999999999999)", BEYOND),
    ("lengths(3)", "expected one length for each batch item"),
    ("lengths([3])", "one length for each of the 2 batch items, got 1"),
    ("lengths([3,-1])", "the length of batch item 1 is -1; expected 0 to 5"),
    ("lengths([3,6])", "the length of batch item 1 is 6; expected 0 to 5"),
    ("lengths([3,99999999999999999999])", BEYOND),
    ("q_lengths([0,6])", "item 1 is 6; expected 0 to 5"),
    ("padding(ids)", "no tensor 'ids' is given"),
    ("padding(q)", "expected integers of type i32 or i64, got f32"),
    ("allow(q)", "expected booleans (bool, or u8 of 0 and 1), got f32"),
    ("per_head(all, all)",
     "expected exactly 4 masks, one for each head, got 2"),
    ("per_batch(all)", "expected exactly 2 masks"),
    ("caus\u00e4l", "column 5: found 'ä'"),
    ("causal\n\x1b[31m", "column 8: found '\\x1b'"),
    ("\"causal\"", "column 1: found '\"'"),
]

# flags behind a good call -> what the message says
FLAGS = [
    (["--threads", "0"], "expected a whole number from 1 to 1024, got '0'"),
    (["--threads", "-1"], "got '-1'"),
    (["--threads", "x"], "expected a whole number from 1 to 1024, got 'x'"),
    (["--threads", "1.5"], "got '1.5'"),
    (["--threads", "1025"], "got '1025'"),
    (["--threads", "99999999999999999999"], "got '99999999999999999999'"),
    (["--threads", ""], "got ''"),
    (["--threads"], "--threads has no value; expected --threads N"),
    (["--isa", "foo"], "unknown isa 'foo'; expected one of: scalar, avx2, "
                       "avx512"),
    (["--isa", "avx51"], "did you mean 'avx512'?"),
    (["--backend", "gpu"], "expected one of: cpu, reference"),
    (["--scale", "nan"], "expected a finite number, got 'nan'"),
    (["--scale", "inf"], "expected a finite number, got 'inf'"),
    (["--scale", "1e39"], "expected a finite number, got '1e39'"),
    (["--scale", "0.5x"], "expected a finite number, got '0.5x'"),
    (["--softcap", "-1"], "the softcap is -1; expected 0 (none) or a number"),
    (["--softcap", "nan"], "expected a finite number, got 'nan'"),
    (["--mask", "all"], "--mask TEXT was given 2 times; expected once"),
    (["--msk", "all"], "unknown flag '--msk'; did you mean '--mask'?"),
    (["--thread=1"], "unknown flag '--thread'; did you mean '--threads'?"),
    (["--cheese"], "unknown flag '--cheese'; see maskwise "),
    (["more.st"], "unexpected argument 'more.st'"),
]

# The commands that write out.st.
WRITERS = ("attend", "grad")

# tensors that replace those of good(), of grad -> what the message says
GRADIENTS = [
    ({"do": None}, "in.st has no tensor 'do'; expected do [B, H, Lq, Dv], "
                   "found k [2, 2, 5, 6], q [2, 4, 5, 6], v [2, 2, 5, 3]"),
    ({"do": zeros(2, 4, 5, 6)}, "expected do [B, H, Lq, Dv] = [2, 4, 5, 3], "
                                "got [2, 4, 5, 6]"),
    ({"do": zeros(2, 5, 4, 3)}, "the head and length axes look swapped"),
    ({"do": zeros(4, 5, 3)}, "got [4, 5, 3]"),
    ({"do": zeros(2, 4, 5, 3, dtype="I32")},
     "expected do of type f32, f16 or bf16, got i32; convert it"),
    ({"do": zeros(2, 4, 5, 3, dtype="F64")}, "got f64"),
    ({"d_lse": zeros(2, 4, 5, 1)}, "expected d_lse [B, H, Lq] = [2, 4, 5], "
                                   "got [2, 4, 5, 1]"),
    ({"d_lse": zeros(2, 4, 5, dtype="F16")},
     "expected d_lse of type f32, got f16; convert it"),
]


class BadInputs(tool.ToolTest):
    """Of attend, which reads and writes; of others where they differ."""

    def setUp(self):
        super().setUp()
        self.write("in.st", good())
        (self.dir / "out.st").write_bytes(b"old")

    def refuse_call(self, fragment, mask="causal", flags=(),
                    commands=("attend", "grad", "verify", "compare")):
        for command in commands:
            output = ["-o", "out.st"] if command in WRITERS else ["--json"]
            with self.subTest(command=command, mask=mask[:40], flags=flags):
                self.refuse([command, "in.st", "--mask", mask, *output, *flags],
                            fragment)

    def test_files(self):
        for content, fragment in FILES:
            (self.dir / "in.st").write_bytes(content)
            with self.subTest(content=content[:60]):
                self.refuse_call(fragment, commands=["attend"])
                self.refuse_call("in.st", commands=["attend"])

    def test_files_that_grow_beyond_the_machine(self):
        huge = {"q": {"dtype": "U8", "shape": [2 ** 43],
                      "data_offsets": [0, 2 ** 43]}}
        start = with_length(json.dumps(huge))
        try:
            with open(self.dir / "huge.st", "wb") as file:
                file.write(start)
                file.truncate(len(start) + 2 ** 43)
        except OSError:
            self.skipTest("no sparse file of 8 TiB here")
        result = self.tool("attend", "huge.st", "--mask", "causal", "-o",
                           "out.st")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count(b"\n"), 1)
        self.assertIn(b"of tensors, but this machine has", result.stderr)

    def test_tensors(self):
        for changes, fragment in TENSORS:
            tensors = {name: tensor
                       for name, tensor in {**good(), **changes}.items()
                       if tensor is not None}
            self.write("in.st", tensors)
            mask = NAMING.get(next(iter(changes)), "causal")
            self.refuse_call(fragment, mask)
            self.refuse_call("in.st", mask)

    def test_gradients(self):
        for changes, fragment in GRADIENTS:
            tensors = {name: tensor
                       for name, tensor in {**good(), **changes}.items()
                       if tensor is not None}
            self.write("in.st", tensors)
            self.refuse_call(fragment, commands=["grad"])
            self.refuse_call("in.st", commands=["grad"])

    def test_only_what_concerns_a_file_names_it(self):
        self.refuse_call("'ids' is given; the tensors are: do, k, q, v (the input "
                         "is 'in.st')", "padding(ids)")
        result = self.tool("attend", "in.st", "--mask", "casual", "-o", "o.st")
        self.assertNotIn(b"in.st", result.stderr)

    def test_masks(self):
        for mask, fragment in MASKS:
            self.refuse_call(fragment, mask, commands=["attend"])
            with self.subTest(mask=mask[:40], command="plan"):
                self.refuse(["plan", "in.st", "--mask", mask, "--shape",
                             "2,4,5,5"], fragment)

    def test_a_rectangle_must_say_how_it_lines_up(self):
        self.write("in.st", {**good(), "q": zeros(2, 4, 3, 6),
                             "do": zeros(2, 4, 3, 3)})
        self.refuse_call("q_len is 3 and kv_len is 5", "causal")
        self.refuse_call("align=bottom_right", "sliding_window(left=1)")

    def test_flags(self):
        for flags, fragment in FLAGS:
            self.refuse_call(fragment, flags=flags)

    def test_flags_of_attend(self):
        for flags, fragment in (
                (["--scores", "foo"], "expected one of: raw, capped, biased"),
                (["--rows", "1"], "expected --weights or --scores beside it"),
                (["--weights", "--rows", "1;2"],
                 "expected whole numbers with commas between, such as 3,5, "
                 "got '1;2'"),
                (["--weights", "--rows", ""], "got ''"),
                (["--weights", "--rows", "1,,2"], "got '1,,2'"),
                (["--weights", "--rows", "1,99999999999999999999"],
                 "expected whole numbers with commas between"),
                (["--weights", "--rows", "2,5"],
                 "row 5 are asked for; expected 0 <= row < 5"),
                (["--scores", "raw", "--rows=-1"],
                 "row -1 are asked for; expected 0 <= row < 5"),
                (["--weights", "--rows", "3,1"],
                 "expected rows in ascending order, each once"),
                (["--weights=maybe"], "--weights takes no value"),
                (["--weights=3"], "--weights takes no value"),
                (["--weights=false"], "--weights takes no value")):
            self.refuse_call(fragment, flags=flags, commands=["attend"])

    def test_flags_take_no_value(self):
        for arguments, fragment in (
                (["compare", "--demo=0"], "--demo takes no value"),
                (["verify", "in.st", "--mask", "all", "--json=no"],
                 "--json takes no value"),
                (["explain", "--mask", "all", "--shape", "1,1,1,1",
                  "--ascii=1"], "--ascii takes no value")):
            self.refuse(arguments, fragment)

    def test_a_plan_above_the_cap(self):
        cap = ["--memory-cap", "9"]
        fragment = "expected at most 9 bytes (--memory-cap; choose a smaller"
        self.refuse_call(fragment, flags=cap)
        for command in ("plan", "explain"):
            self.refuse([command, "--mask", "all", "--shape", "1,1,4,4", *cap],
                        fragment)
        self.refuse(["explain", "--mask", "causal", "--shape",
                     "1,1,2147483646,2147483646"],
                    "expected at most 1 GiB (--memory-cap; choose a smaller "
                    "shape or raise it)\n")

    def test_shapes_of_plan(self):
        for shape in ("", "1,2,3", "1,2,3,", "1,2,3,4,5", "1,2,3,4,", "1,2,-3,4",
                      "1,2,3,x", "1,2,3,4.5", "1,,3,4", "1, ,3,4", "1 2,3,4",
                      "1,1,1,99999999999999999999"):
            self.refuse(["plan", "--mask", "all", "--shape", shape],
                        "expected four whole numbers from 0 to 2147483646 as "
                        "B,H,Lq,Lk")
        self.refuse(["plan", "--mask", "all", "--shape",
                     "1,1,9999999999,4"], "q_len = 9999999999")
        self.refuse(["plan", "--mask", "all"], "--shape B,H,Lq,Lk is missing")
        self.refuse(["plan", "--mask", "all", "--shape", "1,1,1,1",
                     "--memory-cap", "-1"], "--memory-cap")

    def test_missing_arguments(self):
        self.refuse(["attend", "in.st", "-o", "out.st"],
                    "[attend] --mask TEXT is missing")
        self.refuse(["attend", "--mask", "all", "-o", "out.st"],
                    "[attend] IN is missing")
        self.refuse(["attend", "in.st", "--mask", "all"],
                    "[attend] --output OUT is missing")
        self.refuse(["grad", "in.st", "--mask", "all"],
                    "[grad] --output OUT is missing")
        self.refuse(["attend"], "IN and --mask TEXT and --output OUT are")
        self.refuse(["verify", "in.st"], "[verify] --mask TEXT is missing")

    def test_inputs_that_cannot_be_read(self):
        for name, fragment in (
                ("none.st", "cannot open 'none.st': No such file"),
                (".", "'.' is a directory; expected a file"),
                ("", "the file name is empty"),
                ("/dev/zero", "is a pipe or a device"),
                ("in.st/x", "Not a directory")):
            for command in ("attend", "grad", "verify", "compare"):
                output = ["-o", "out.st"] if command in WRITERS else []
                self.refuse([command, "--mask", "all", *output, "--", name],
                            fragment)

    def test_outputs_that_cannot_be_written(self):
        for name, fragment in (
                ("no/such/out.st", "No such file or directory"),
                (".", "'.' is a directory; expected a file"),
                ("", "the file name is empty"),
                ("/dev/full", "No space left on device"),
                ("in.st/out.st", "Not a directory")):
            for command in WRITERS:
                self.refuse([command, "in.st", "--mask", "all", "-o", name],
                            fragment)

    def test_an_output_that_is_the_input(self):
        os.symlink("in.st", self.dir / "soft.st")
        os.link(self.dir / "in.st", self.dir / "hard.st")
        (self.dir / "a.txt").write_text("a b\n")
        for name in ("in.st", "./in.st", str(self.dir / "in.st"), "soft.st",
                     "hard.st"):
            fragment = f"the output '{name}' is the input; choose another name"
            for command in (["attend", "in.st", "-o", name],
                            ["grad", "in.st", "-o", name],
                            ["explain", "in.st", "--svg", name]):
                self.refuse([*command, "--mask", "all"], fragment)
        self.refuse(["explain", "--text", "a.txt", "--svg", "./a.txt",
                     "--mask", "all"], "the output './a.txt' is the input")

    def test_an_output_that_grows_beyond_the_limit(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        for name in ("out.st", "fresh.st"):
            for command in WRITERS:
                self.refuse([command, "in.st", "--mask", "all", "-o", name],
                            "File too large", preexec_fn=limit)

    def test_a_report_that_cannot_be_printed_leaves_no_output(self):
        os.symlink("out.st", self.dir / "soft.st")
        os.symlink("fresh.st", self.dir / "dangling.st")
        before = os.stat(self.dir / "out.st").st_ino
        for name in ("out.st", "fresh.st", "soft.st", "dangling.st"):
            for command in (["attend", "in.st", "-o", name],
                            ["grad", "in.st", "-o", name],
                            ["explain", "in.st", "--svg", name],
                            ["explain", "in.st", "--json", "--svg", name]):
                with open("/dev/full", "wb") as full:
                    self.refuse([*command, "--mask", "causal"],
                                "cannot write to standard output", stdout=full)
        self.assertEqual(os.stat(self.dir / "out.st").st_ino, before)

    def test_a_report_that_nobody_reads_leaves_no_output(self):
        above, below = os.pipe()
        os.close(above)
        with open(below, "wb") as pipe:
            self.refuse(["attend", "in.st", "--mask", "causal", "-o", "out.st"],
                        "cannot write to standard output", stdout=pipe)

    def test_an_output_in_a_directory_without_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        locked = self.dir / "locked"
        locked.mkdir()
        locked.chmod(0o500)
        self.refuse(["attend", "in.st", "--mask", "all", "-o",
                     "locked/out.st"], "Permission denied")

    def test_a_full_standard_output(self):
        for arguments in (["plan", "--mask", "all", "--shape", "1,1,4,4"],
                          ["verify", "in.st", "--mask", "causal"],
                          ["verify", "in.st", "--mask", "causal", "--json"],
                          ["compare", "--demo"], ["--help"], ["--version"],
                          ["attend", "--help"]):
            with open("/dev/full", "wb") as full:
                self.refuse(arguments, "cannot write to standard output",
                            stdout=full)

    def test_infinite_numbers_are_no_bad_input(self):
        tensors = good()
        tensors["k"].values[0] = math.inf
        self.write("in.st", tensors)
        self.run_well("attend", "in.st", "--mask", "causal", "-o", "out.st")


if __name__ == "__main__":
    tool.main()
