"""maskwise bench: what it reports, not how fast that is."""
import json
import subprocess

import tool

FIELDS = ["case", "pass", "dtype", "B", "H", "Hkv", "Lq", "Lk", "D", "threads",
          "isa", "median_ms", "min_ms", "useful_gflops", "probe_gflops",
          "fraction", "visible_share", "walked_share", "loop_gflops", "plan_ms",
          "plan_bytes"]
MORE_FIELDS = ["second_probe_gflops", "best_fraction", "quiet_fraction",
               "quiet_samples", "cpu_share", "samples", "dense_ratio",
               "walked_ratio", "kv_bytes", "kv_gbytes_per_s",
               "read_gbytes_per_s", "read_fraction", "peak_rss_bytes"]
CASES = ["dense", "causal", "window256", "documents8", "padding", "prefix",
         "blocks10", "sink_window", "random50", "dropped_keys", "decode",
         "decode_cache", "none"]

B, L = 9, 600
SHAPE = f"{B},4,2,{L},{L},8"
FILLED = [100, 10, 90, 25, 75, 40, 60, 50]


def document(token):
    return sum(token >= L * (i * (i + 1) // 2) // 36 for i in range(1, 8))


DOCUMENTS = [document(token) for token in range(L)]
# What a pair (b, q, k) must say in each case that is not random.
ALLOWED = {
    "dense": lambda b, q, k: True,
    "causal": lambda b, q, k: k <= q,
    "window256": lambda b, q, k: q - 256 < k <= q,
    "documents8": lambda b, q, k: DOCUMENTS[q] == DOCUMENTS[k],
    "padding": lambda b, q, k: k < L * FILLED[b % 8] // 100,
    "prefix": lambda b, q, k: k <= q or k < L // 4,
    "sink_window": lambda b, q, k: k <= q and (k < 4 or k >= q - 256),
    "none": lambda b, q, k: False,
}


def share(case):
    batches = range(B if case == "padding" else 1)
    allowed = ALLOWED[case]
    return sum(allowed(b, q, k) for b in batches for q in range(L)
               for k in range(L)) / (len(batches) * L * L)


class Bench(tool.ToolTest):
    """At shapes that take no time."""

    def lines(self, *arguments, samples=1):
        text = self.run_well("bench", "--samples", samples, "--json",
                             *arguments)
        return [json.loads(line) for line in text.splitlines()]

    def test_every_case_in_order_with_its_share(self):
        lines = self.lines("--shape", SHAPE)
        self.assertEqual([line["case"] for line in lines], CASES)
        for line in lines:
            case = line["case"]
            with self.subTest(case=case):
                self.assertEqual(list(line), FIELDS + MORE_FIELDS)
                q_len = 1 if case.startswith("decode") else L
                self.assertEqual(
                    [line[name] for name in FIELDS[1:10]],
                    ["forward", "f32", B, 4, 2, q_len, L, 8, 1])
                if case in ALLOWED:
                    self.assertAlmostEqual(line["visible_share"], share(case),
                                           places=12)
                self.assertGreaterEqual(line["walked_share"],
                                        line["visible_share"])

    def test_the_figures_agree_with_each_other(self):
        for line in self.lines("--shape", SHAPE, samples=3):
            with self.subTest(case=line["case"]):
                flop = (4 * 8 * B * 4 * line["Lq"] * L * line["visible_share"])
                gflops = flop / line["median_ms"] * 1e-6
                self.assertAlmostEqual(line["useful_gflops"], gflops,
                                       delta=gflops * 1e-9)
                self.assertLessEqual(line["min_ms"], line["median_ms"])
                self.assertLessEqual(line["fraction"], line["best_fraction"])
                self.assertEqual(line["samples"], 3)
                self.assertLessEqual(line["quiet_samples"], 3)
                self.assertEqual(line["quiet_samples"] > 0,
                                 line["quiet_fraction"] is not None)
                for name in ("probe_gflops", "second_probe_gflops",
                             "plan_bytes", "peak_rss_bytes", "cpu_share"):
                    self.assertGreater(line[name], 0, name)

    def test_the_backward_pass_counts_five_products(self):
        lines = self.lines("--shape", SHAPE, "--pass", "backward")
        self.assertEqual([line["case"] for line in lines],
                         [case for case in CASES if case != "decode_cache"])
        for line in lines:
            with self.subTest(case=line["case"]):
                self.assertEqual(line["pass"], "backward")
                flop = 10 * 8 * B * 4 * line["Lq"] * L * line["visible_share"]
                gflops = flop / line["median_ms"] * 1e-6
                self.assertAlmostEqual(line["useful_gflops"], gflops,
                                       delta=gflops * 1e-9)
                self.assertIsNone(line["read_fraction"])

    def test_what_stands_beside_a_case(self):
        lines = {line["case"]: line for line in self.lines("--shape", SHAPE)}
        for case, line in lines.items():
            with self.subTest(case=case):
                decodes = case.startswith("decode")
                everything = decodes or case == "dense"
                self.assertEqual(line["dense_ratio"] is None, everything)
                self.assertEqual(line["walked_ratio"] is None,
                                 everything or case == "none")
                self.assertEqual(line["loop_gflops"] is not None,
                                 case in ("documents8", "padding"))
                self.assertEqual(line["kv_bytes"],
                                 2 * B * 2 * L * 8 * 4 if decodes else None)
                self.assertEqual(line["read_fraction"] is not None, decodes)
        for case, least, most in (("blocks10", 0.1, 0.4),
                                  ("random50", 0.49, 0.51),
                                  ("dropped_keys", 0.85, 0.95)):
            self.assertTrue(least < lines[case]["visible_share"] < most, case)

    def test_alone_there_is_only_the_case(self):
        for line in self.lines("--shape", SHAPE, "--case",
                               "documents8,causal", "--alone"):
            self.assertIsNone(line["dense_ratio"])
            self.assertIsNone(line["loop_gflops"])

    def test_lists_may_be_split(self):
        lines = self.lines("--case", "none,dense", "--case=causal", "--shape",
                           "1,1,1,3,5,2", "--threads", "1", "--threads", "2,3",
                           "--dtype", "bf16", "--isa", "scalar")
        self.assertEqual([(line["threads"], line["case"]) for line in lines],
                         [(threads, case) for threads in (1, 2, 3)
                          for case in ("none", "dense", "causal")])
        self.assertEqual({(line["dtype"], line["isa"]) for line in lines},
                         {("bf16", "scalar")})

    def test_a_cache_holds_the_type_it_is_given(self):
        tensors, cache = self.lines("--case", "decode,decode_cache", "--shape",
                                    "2,4,2,1,50,8", "--dtype", "f16")
        self.assertEqual(tensors["kv_bytes"], 2 * 2 * 2 * 50 * 8 * 2)
        self.assertEqual(cache["kv_bytes"], tensors["kv_bytes"])

    def test_queries_that_are_fewer_than_keys_stand_at_the_end(self):
        causal, window = self.lines("--case", "causal,window256", "--shape",
                                    "1,1,1,2,400,4")
        self.assertEqual(causal["visible_share"], (399 + 400) / 800)
        self.assertEqual(window["visible_share"], 512 / 800)

    def test_the_smallest_shape(self):
        for line in self.lines("--shape", "1,1,1,1,1,1"):
            if line["case"] not in ("random50", "dropped_keys"):
                self.assertEqual(line["visible_share"],
                                 line["case"] != "none", line)

    def test_the_table_fits_a_page(self):
        text = self.run_well("bench", "--samples", "1", "--shape", SHAPE)
        self.assertIn("f32 forward, B 9, H 4, Hkv 2, Lq 600, Lk 600, D 8, 1 thread, ",
                      text)
        for case in CASES:
            self.assertRegex(text, rf"(?m)^{case} +[\d.]+ +[\d.]+ ")
        self.assertRegex(text, r"K and V of 675\.0 KiB read at [\d.]+ GB/s")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_serve(self):
        answers = self.serve("call 3\nloop 1\nprobe\ncall 1\n")
        self.assertEqual((answers.returncode, answers.stderr), (0, ""))
        ready, call, loop, probe, again = answers.stdout.splitlines()
        self.assertEqual(ready, "ready")
        for number in [call, loop, again] + probe.split():
            self.assertGreater(float(number), 0)

    def test_serve_refuses_what_it_does_not_know(self):
        for line in ("call", "call 0", "call x", "sing 1", "probe 2", "call 1 2", "call 1x", ""):
            answers = self.serve(line + "\n")
            self.assertEqual(answers.returncode, 2, line)
            self.assertIn(f"cannot answer '{line}'", answers.stderr)
        self.assertIn("cannot answer 'loop 1'",
                      self.serve("loop 1\n", case="causal").stderr)
        self.refuse(["bench", "--serve"], "given 13 cases; expected one")

    def serve(self, requests, case="documents8"):
        return subprocess.run(
            [tool.TOOL, "bench", "--serve", "--case", case, "--shape",
             "1,2,2,64,64,8"], input=requests, capture_output=True, text=True,
            check=False, timeout=300)

    def test_bad_flags(self):
        for arguments, fragment in [
                (["--case", "causl"], "unknown case 'causl'; expected all, or "
                 "some of: " + ", ".join(CASES) + "; did you mean 'causal'?"),
                (["--case"], "--case has no value"),
                (["--case", "dense", "causal"], "unexpected argument 'causal'"),
                (["--pass", "up"], "unknown pass 'up'; expected forward or "
                 "backward"),
                (["--pass", "backward", "--case", "decode_cache"],
                 "decode_cache has no backward pass"),
                (["--shape", "1,2,3"], "expected six whole numbers of at least "
                 "1 and at most 2147483646 as B,H,Hkv,Lq,Lk,D, such as "
                 "1,8,8,2048,2048,64, got '1,2,3'"),
                (["--shape", "1,2,2,4,4,0"], "got '1,2,2,4,4,0'"),
                (["--shape", "1,2,2,4,4,8,9"], "got '1,2,2,4,4,8,9'"),
                (["--shape", "1,3,2,4,4,8"], "H is 3 and Hkv is 2"),
                (["--dtype", "f64"], "unknown dtype 'f64'"),
                (["--isa", "sse"], "unknown isa 'sse'"),
                (["--threads", "0"], "from 1 to 1024, got '0'"),
                (["--threads", "1,two"], "from 1 to 1024, got 'two'"),
                (["--samples", "0"], "got '0'"),
                (["--samples", "3", "--samples", "4"], "given 2 times"),
                (["--json=1"], "takes no value"),
                (["--shape", "1,1,1,9,9,999999999999999"],
                 "at most 2147483646"),
                (["--memory-cap", "9", "--shape", "1,1,1,9,9,8"],
                 "expected at most 9 bytes"),
                (["--sampels", "3"], "did you mean '--samples'?")]:
            with self.subTest(arguments=arguments):
                self.refuse(["bench", *arguments], fragment)


if __name__ == "__main__":
    tool.main()
