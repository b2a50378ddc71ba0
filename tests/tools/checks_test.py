"""Each check of tools/ accepts a good miniature tree and refuses bad ones.

A bad tree is the good one with some files changed; the check must exit 1 and
say so in a line that holds the given words.
"""
import pathlib
import subprocess
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

ERROR_H = """// An error.
#ifndef MASKWISE_ERROR_H_
#define MASKWISE_ERROR_H_

#include <string>

namespace maskwise {
class Error {
 public:
  Error(int code, const std::string& text) : code_{code}, text_(text) {}

 private:
  int code_ = 0;
  std::string text_;
};
}  // namespace maskwise

#endif  // MASKWISE_ERROR_H_
"""
SIZE_H = """// A size.
#ifndef MASKWISE_BASE_SIZE_H_
#define MASKWISE_BASE_SIZE_H_
#include "maskwise/error.h"
int size_of(int a, bool b);
#endif  // MASKWISE_BASE_SIZE_H_
"""
GOOD = {
    "README.md": "# Title\n\nSee `src/base/size.h`, [docs](docs/guide.md#two"
                 "-words), `H/H_kv` and `build/release/bin/maskwise`.\n",
    "docs/guide.md": "## Two words\n\nRun `scripts/build`, [up](../README.md)."
                     "\n```sh\ncat `no/such/file`\n```\n",
    "scripts/build": "# a script; T" + "ODO(#12)\n",
    "CMakeLists.txt": "add_subdirectory(src)\n",
    "include/maskwise/error.h": ERROR_H,
    "src/base/CMakeLists.txt": "target_sources(maskwise PRIVATE size.cc)\n",
    "src/base/size.h": SIZE_H,
    "src/base/size.cc": '#include "base/size.h"\n'
                        "int size_of(int a, bool) { return a; }\n",
    "src/plan/plan_data.h": "#ifndef MASKWISE_PLAN_PLAN_DATA_H_\n"
                            "#define MASKWISE_PLAN_PLAN_DATA_H_\n#endif\n",
    "src/backend/cpu/vec.h": "#ifndef MASKWISE_BACKEND_CPU_VEC_H_\n"
                             "#define MASKWISE_BACKEND_CPU_VEC_H_\n"
                             "#include <immintrin.h>\n"
                             '#include "plan/plan_data.h"\n#endif\n',
    "tests/base/CMakeLists.txt": "maskwise_add_tests(base size_test.cc)\n",
    "tests/base/size_test.cc": "TEST(Size, IsGiven) {}\n",
}


def body(lines):
    return "{\n" + "  f();\n" * (lines - 2) + "}\n"


# check -> ({changed file: contents, None to remove it}, words that it says)
BAD = {
    "check_layers": [
        ({"src/base/size.cc": '#include "plan/plan_data.h"\n'},
         "src/base/size.cc:1: plan/plan_data.h: layer base may not see"),
        ({"src/mask/a.h": "", "src/io/a.cc": '\n#include "mask/a.h"\n'},
         "src/io/a.cc:2: mask/a.h: layer io may not see layer mask"),
        ({"src/training/a.h": "", "src/layers/a.cc": '#include "training/a.h"\n'},
         "layer layers may not see layer training"),
        ({"include/maskwise/nn/loss.h": "",
          "src/layers/a.cc": "#include <maskwise/nn/loss.h>\n"},
         "layer layers may not see layer training"),
        ({"src/plan/plan.h": "",
          "src/backend/a.cc": '#include "plan/plan.h"\n'},
         "layer backend may not see layer plan"),
        ({"src/backend/reference/a.h": "",
          "src/backend/cpu/a.cc": '#include "backend/reference/a.h"\n'},
         "layer backend/cpu may not see layer backend/reference"),
        ({"include/maskwise/attention.h": "",
          "src/plan/a.cc": "#include <maskwise/attention.h>\n"},
         "layer plan may not see layer attention"),
        ({"cli/main.cc": '#include "base/size.h"\n'}, "cli/ sees only"),
        ({"include/maskwise/io.h": '#include "base/size.h"\n'},
         "a public header includes only public headers"),
        ({"include/maskwise/io.h": "#include <fmt/format.h>\n"},
         "needs only the standard library"),
        ({"include/maskwise/strange.h": ""}, "not in the table"),
        ({"src/base/a.cc": '#include "base/gone.h"\n'}, "no such file"),
        ({"src/base/a.cc": "#include <immintrin.h>\n"},
         "intrinsics are used only under src/backend/cpu/"),
    ],
    "check_headers": [
        ({"include/maskwise/io.h": ERROR_H}, "expected the include guard "
                                             "MASKWISE_IO_H_"),
        ({"include/maskwise/error.h": ERROR_H.replace("#include <string>",
                                                      "")},
         "(compiling include/maskwise/error.h alone)"),
        ({"include/maskwise/error.h": ERROR_H + "\n" * 260},
         "a public header has at most 260"),
    ],
    "check_sizes": [
        ({"src/base/a.cc": "// Text.\nvoid f() " + body(41)},
         "src/base/a.cc:2: f has 41 lines; at most 40"),
        ({"src/backend/cpu/a.inc": "void f() " + body(121)}, "at most 120"),
        ({"tests/base/a_test.cc": "TEST(A, B) " + body(61)}, "at most 60"),
        ({"src/base/a.cc": "\n" * 401}, "401 lines; at most 400"),
        ({"src/base/a.h": "void f(int a, int b, int c, int d, int e, int g,"
                          " int h);\n"}, "f has 7 parameters"),
        ({"src/base/a.h": "struct S { S(bool a, const bool b); };\n"},
         "S has 2 bool parameters"),
        ({"include/maskwise/a.h": "int f(int a,\n bool b = true);\n"},
         "f is public and has a bool"),
        ({"src/base/a.h": "#define MASKWISE_MINE 1\n"}, "closed list"),
        ({"src/base/a.h": "#ifdef A\n#endif\n"}, "1 #if in"),
    ],
    "check_tests": [
        ({"tests/base/size_test.cc": None}, "expected tests/base/size_test.cc"),
        ({"cli/CMakeLists.txt": "main.cc", "cli/main.cc": ""}, "no tests in"),
        ({"tests/base/a_test.cc": ""},
         "tests/base/a_test.cc:1: no CMakeLists.txt"),
    ],
    "check_docs": [
        ({"src/base/size.h": None}, "README.md:3: src/base/size.h: no such"),
        ({"scripts/build": None}, "docs/guide.md:3: scripts/build: no such"),
        ({"README.md": "```sh\nscripts/build && scripts/run x\n```\n"},
         "README.md:2: scripts/run: no such"),
        ({"docs/guide.md": "## Other\n"}, "#two-words: no such heading"),
        ({"docs/guide.md": None}, "link to docs/guide.md#two-words: no such"),
    ],
    "check_root": [({"notes.txt": ""}, "notes.txt:1: does not belong")],
    "check_words": [
        ({"src/base/a.cc": "\n// T" + "ODO: later\n"}, "src/base/a.cc:2: "),
        ({"README.md": "see /ho" + "me/me/x\n"}, "a path of one machine"),
        ({"CMakeLists.txt": "-mav" + "x2\n"}, "such a flag changes the bits"),
        ({"src/base/a.cc": "f() { std::cerr << 1; }\n"}, "never prints"),
        ({"src/base/a.cc": "f() { return new int; }\n"}, "taken only in"),
        ({"src/base/size_v2.cc": ""}, "a name that tells history"),
    ],
}
# What looks bad and is not.
FINE = {
    "check_sizes": [
        {"src/base/a.cc": "// Longer than 40 lines\n// because it is one "
                          "table.\nvoid f() " + body(60)},
        {"src/base/a.h": "// More than 6 parameters because it says so.\n"
                         "void f(int a, int b, int c, int d, int e, int g,"
                         " int h);\n"},
        {"src/backend/cpu/a.inc": "void f() " + body(120)},
        {"src/base/a.cc": 'const char* kText = "} { #define X"; // {\n'
                          "struct S { S() : a_{1}, b_(2) " + body(40) +
                          "  std::function<void(bool, bool)> f; };\n"},
    ],
    "check_words": [
        {"src/base/a.cc": "struct S { S(const S&) = delete; };  // a new one\n"
                          'auto text = "std::cout";\n'},
    ],
}


class Checks(unittest.TestCase):
    """Runs the checks on trees written to a scratch folder."""

    def run_check(self, check, changes):
        files = {path: text for path, text in {**GOOD, **changes}.items()
                 if text is not None}
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                target = pathlib.Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            return subprocess.run([TOOLS / check, root], text=True, check=False,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)

    def test_good_trees_pass(self):
        for check in BAD:
            for changes in [{}] + FINE.get(check, []):
                with self.subTest(check=check, changes=changes):
                    result = self.run_check(check, changes)
                    self.assertEqual((result.returncode, result.stdout),
                                     (0, ""))

    def test_bad_trees_fail(self):
        for check, cases in BAD.items():
            for changes, words in cases:
                with self.subTest(check=check, words=words):
                    result = self.run_check(check, changes)
                    self.assertIn(words, result.stdout)
                    self.assertEqual(result.returncode, 1)

    def test_every_check_is_tested(self):
        here = {path.name for path in TOOLS.glob("check_*")}
        self.assertEqual(here, set(BAD) | {"check_baseline_objects"})


class BaselineObjects(unittest.TestCase):
    """tools/check_baseline_objects on archives of one function."""

    def run_check(self, source, member):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            lib = root / "build/release/lib"
            lib.mkdir(parents=True)
            isa = root / "src/backend/cpu/isa"
            isa.mkdir(parents=True)
            (isa / "avx2.cc").touch()
            subprocess.run(["g++", "-O2", "-x", "c++", "-", "-c", "-o",
                            root / member], input=source, text=True, check=True)
            subprocess.run(["ar", "rc", lib / "libmaskwise.a", root / member],
                           check=True)
            return subprocess.run([TOOLS / "check_baseline_objects", root],
                                  capture_output=True, text=True, check=False)

    def test_wide_code_stands_only_in_isa_units(self):
        plain = "float f(float a) { return a + 1; }\n"
        wide = '__attribute__((target("avx2")))\n' + plain
        for source, member, status in ((plain, "size.cc.o", 0),
                                       (wide, "size.cc.o", 1),
                                       (wide, "avx2.cc.o", 0)):
            with self.subTest(source=source, member=member):
                result = self.run_check(source, member)
                self.assertEqual(result.returncode, status, result.stdout)
                self.assertEqual("AVX code in f(float)" in result.stdout,
                                 status == 1)


class DocsSnippets(unittest.TestCase):
    """tools/docs_snippets on one file."""

    def test_programs_and_their_output_are_extracted(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "guide.md").write_text(
                "```cpp\nint main() {}\n```\nprints\n```text\nhello\n```\n"
                "```cpp\nint not_a_program;\n```\n```cpp\nint main() { }\n```\n",
                encoding="utf-8")
            out = root / "out"
            out.mkdir()
            (out / "guide_9.cc").touch()
            subprocess.run([TOOLS / "docs_snippets", out, root / "guide.md"],
                           check=True)
            self.assertEqual(
                {path.name: path.read_text() for path in out.iterdir()},
                {"guide_1.cc": '#line 2 "guide.md"\nint main() {}\n',
                 "guide_1.expected": "hello\n",
                 "guide_2.cc": '#line 12 "guide.md"\nint main() { }\n'})


if __name__ == "__main__":
    unittest.main()
