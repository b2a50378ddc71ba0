"""examples/classify_padded judges sentences, however they are padded."""
import tool


class ClassifyPadded(tool.ToolTest):
    def test_it_learns_and_padding_changes_no_bit(self):
        said = self.run_well()
        self.assertIn("100 of 100 are right\n", said)
        self.assertIn(":-)  i found the green soup not really very bad\n", said)
        for padding in (" 0 more before,  1", " 0 more before, 50",
                        " 7 more before,  0", "31 more before,  9"):
            self.assertIn(padding + " behind: logits the same, losses the same,"
                          " 0 of 29 gradients differ\n", said)


tool.main()
