"""maskwise bench-layers: what it reports, not how fast that is."""
import json
import subprocess

import tool

FIELDS = ["case", "pass", "rows", "features", "threads", "isa", "median_ms",
          "min_ms", "useful_gflops", "probe_gflops", "second_probe_gflops",
          "fraction", "best_fraction", "quiet_fraction", "quiet_samples",
          "cpu_share", "samples"]
CASES = ["linear", "encoder_layer", "encoder_layer_padded"]
# Of the encoder layer: 100, 10, 90, 25, 75, 40, 60 and 50 % of 256.
TOKENS = [256, 25, 230, 64, 192, 102, 153, 128]
E, HIDDEN = 512, 2048
LAYER_FLOP = sum(2 * n * (4 * E * E + 2 * E * HIDDEN) + 4 * E * n * n
                 for n in TOKENS)
SMALL = ["--rows", "5", "--features", "8"]


class BenchLayers(tool.ToolTest):
    """At sizes that take no time, but for the encoder layer, which has one."""

    def lines(self, *arguments, samples=1):
        text = self.run_well("bench-layers", "--samples", samples, "--json",
                             *arguments)
        return [json.loads(line) for line in text.splitlines()]

    def assert_flop(self, line, flop):
        gflops = flop / line["median_ms"] * 1e-6
        self.assertAlmostEqual(line["useful_gflops"], gflops,
                               delta=gflops * 1e-9)

    def test_every_case_in_order(self):
        for direction in ("forward", "backward"):
            lines = self.lines(*SMALL, "--pass", direction)
            self.assertEqual([line["case"] for line in lines], CASES)
            for line in lines:
                with self.subTest(case=line["case"], direction=direction):
                    self.assertEqual(list(line), FIELDS)
                    self.assertEqual((line["pass"], line["threads"]),
                                     (direction, 1))
            self.assertEqual(
                [(line["rows"], line["features"]) for line in lines],
                [(5, 8), (sum(TOKENS), E), (8 * 256, E)])
            # Backward: of the layer, d_x and d_W; of the encoder layer, forward
            # as well. Padding is of no use.
            is_forward = direction == "forward"
            self.assert_flop(lines[0], (2 if is_forward else 4) * 5 * 8 * 8)
            for line in lines[1:]:
                self.assert_flop(line, (1 if is_forward else 3) * LAYER_FLOP)

    def test_the_figures_agree_with_each_other(self):
        for line in self.lines(*SMALL, "--case", "linear", samples=3):
            self.assertLessEqual(line["min_ms"], line["median_ms"])
            self.assertLessEqual(line["fraction"], line["best_fraction"])
            self.assertEqual(line["samples"], 3)
            self.assertLessEqual(line["quiet_samples"], 3)
            self.assertEqual(line["quiet_samples"] > 0,
                             line["quiet_fraction"] is not None)
            for name in ("probe_gflops", "second_probe_gflops", "cpu_share"):
                self.assertGreater(line[name], 0, name)

    def test_linear_layers_of_every_size(self):
        lines = self.lines("--case", "linear", "--rows", "3", "--rows", "1,70",
                           "--features=1,33", "--threads", "1,2",
                           "--isa", "scalar")
        self.assertEqual(
            [(line["threads"], line["rows"], line["features"])
             for line in lines],
            [(threads, rows, features) for threads in (1, 2)
             for rows in (3, 1, 70) for features in (1, 33)])
        self.assertEqual({line["isa"] for line in lines}, {"scalar"})

    def test_cases_may_be_listed(self):
        lines = self.lines(*SMALL, "--case", "linear", "--case=linear,linear")
        self.assertEqual([line["case"] for line in lines], ["linear"] * 3)
        self.assertEqual(
            len(self.lines(*SMALL, "--case", "linear,all")), len(CASES))

    def test_without_sizes_there_are_eight(self):
        text = self.run_well("bench-layers", "--help")
        self.assertIn("256,2048", text)
        self.assertIn("128,256,512,1024", text)
        self.refuse(["bench-layers", "--serve", "--case", "linear"],
                    "given 8 cases; expected one")

    def test_the_table_fits_a_page(self):
        text = self.run_well("bench-layers", "--samples", "1", "--rows",
                             "16384", "--features", "1", "--threads", "1,2")
        self.assertIn("f32 forward, 1 thread, ", text)
        self.assertIn("f32 forward, 2 threads, ", text)
        for case, size in zip(CASES, (r"16384 +1", "1150 +512", "2048 +512")):
            self.assertRegex(
                text, rf"(?m)^{case} +{size} +[\d.]+ +[\d.]+ +[\d.]+ ")
        # No quiet sample is a dash, not a number that is none.
        self.assertNotIn("nan", text)
        self.assertIn("share %  useful FLOP", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_serve(self):
        for direction in ("forward", "backward"):
            answers = self.serve("call 3\nprobe\ncall 1\n", "--pass",
                                 direction)
            self.assertEqual((answers.returncode, answers.stderr), (0, ""))
            ready, call, probe, again = answers.stdout.splitlines()
            self.assertEqual(ready, "ready")
            for number in [call, again] + probe.split():
                self.assertGreater(float(number), 0)

    def test_serve_refuses_what_it_does_not_know(self):
        for line in ("call", "call 0", "call x", "loop 1", "sing 1", ""):
            answers = self.serve(line + "\n")
            self.assertEqual((answers.returncode, answers.stdout),
                             (2, "ready\n"), line)
            self.assertIn(f"cannot answer '{line}'", answers.stderr)
        self.refuse(["bench-layers", "--serve", *SMALL],
                    "given 3 cases; expected one")

    def serve(self, requests, *arguments):
        return subprocess.run(
            [tool.TOOL, "bench-layers", "--serve", "--case", "linear", *SMALL,
             *arguments], input=requests, capture_output=True, text=True,
            check=False, timeout=300)

    def test_bad_flags(self):
        for arguments, fragment in [
                (["--case", "liner"], "unknown case 'liner'; expected all, or "
                 "some of: " + ", ".join(CASES) + "; did you mean 'linear'?"),
                (["--case"], "--case has no value"),
                (["--case", "linear", "all"], "unexpected argument 'all'"),
                (["--pass", "up"], "unknown pass 'up'; expected forward or "
                 "backward"),
                (["--rows", "0"], "from 1 to 16384, got '0'"),
                (["--rows", "16385"], "from 1 to 16384, got '16385'"),
                (["--rows", "3,x"], "got 'x'"),
                (["--rows"], "--rows has no value"),
                (["--features", "-1"], "from 1 to 16384, got '-1'"),
                (["--features", "8,99999999999999999999"],
                 "got '99999999999999999999'"),
                (["--isa", "sse"], "unknown isa 'sse'"),
                (["--threads", "0"], "from 1 to 1024, got '0'"),
                (["--samples", "0"], "got '0'"),
                (["--samples", "3", "--samples", "4"], "given 2 times"),
                (["--json=1"], "takes no value"),
                (["--serve=1"], "takes no value"),
                (["--shape", "1,1,1,9,9,8"], "unknown flag '--shape'"),
                (["--feature", "8"], "did you mean '--features'?")]:
            with self.subTest(arguments=arguments):
                self.refuse(["bench-layers", *arguments], fragment)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            result = self.tool("bench-layers", "--case", "linear", *SMALL,
                               "--samples", "1", "--json", stdout=full)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"cannot write to standard output", result.stderr)


if __name__ == "__main__":
    tool.main()
