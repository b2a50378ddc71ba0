"""examples/seq2seq learns to sort colours it has not seen."""
import tool


class Seq2Seq(tool.ToolTest):
    def test_it_learns_and_says_the_same_on_every_machine(self):
        said = self.run_well()
        self.assertIn("padded and packed: the same bits\n", said)
        self.assertIn(
            "  yellow red violet blue green indigo"
            " -> red yellow green blue indigo violet\n", said)
        self.assertTrue(said.endswith("100 of 100 are right\n"))


tool.main()
