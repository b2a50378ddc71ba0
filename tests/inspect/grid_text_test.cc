#include <gtest/gtest.h>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

using Tokens = std::vector<std::vector<std::string>>;

// The expected drawings begin with a line break, for the eye.
std::string drawn(const Mask& mask, const AttentionShape& shape,
                  const GridOptions& options = {}) {
  return "\n" + draw_text(mask.bind(shape), options);
}

Tensor two_sentences() {
  return Tensor::from<int64_t>({2, 5}, {1, 2, 3, 4, 0, 5, 6, 0, 0, 0});
}

TEST(GridText, TokensStandAtBothEdges) {
  const Tokens tokens = {{"the", "cat", "sat", "here", "<pad>"},
                         {"it", "slept", "<pad>", "<pad>", "<pad>"}};
  EXPECT_EQ(drawn(causal() & padding(two_sentences()), {2, 4, 5, 5},
                  {.labels = {tokens, tokens}}),
            R"(
batch 0, heads 0-3: 14 of 25 pairs allowed (56.0 %)

                    <
                  h p
            t c s e a
            h a a r d
            e t t e >
            0 1 2 3 4
    the  0  ■ · · · ·
    cat  1  ■ ■ · · ·
    sat  2  ■ ■ ■ · ·
   here  3  ■ ■ ■ ■ ·
  <pad>  4  ■ ■ ■ ■ ·

batch 1, heads 0-3: 9 of 25 pairs allowed (36.0 %)

              s < < <
              l p p p
              e a a a
            i p d d d
            t t > > >
            0 1 2 3 4
     it  0  ■ · · · ·
  slept  1  ■ ■ · · ·
  <pad>  2  ■ ■ · · ·
  <pad>  3  ■ ■ · · ·
  <pad>  4  ■ ■ · · ·

■ allowed  · masked  (rows: queries, columns: keys)
)");
}

TEST(GridText, AsciiIsAsciiOnly) {
  const Tokens tokens = {{"caf\u00E9", "a b", "interminable"}};
  EXPECT_EQ(drawn(causal(), {1, 1, 3, 3},
                  {.labels = {tokens, tokens}, .charset = Charset::ascii}),
            R"(
batch 0, head 0: 6 of 9 pairs allowed (66.7 %)

                       i
                       n
                       t
                       e
                     a r
                     _ m
                     b ..
                   0 1 2
                0  # . .
           a_b  1  # # .
  interminable  2  # # #
  tokens: 0 = caf\u00e9

# allowed  . masked  (rows: queries, columns: keys)
)");
}

TEST(GridText, TokensThatAsciiCannotShowAreNumbersWithALegend) {
  const Tokens queries = {{"\u9762", "q"}};
  const Tokens keys = {{"k", "\u00E9t\u00E9"}};
  EXPECT_EQ(drawn(all(), {1, 1, 2, 2},
                  {.labels = {queries, keys}, .charset = Charset::ascii}),
            R"(
batch 0, head 0: 4 of 4 pairs allowed (100 %)

        k
        0 1
     0  # #
  q  1  # #
  keys: 1 = \u00e9t\u00e9
  queries: 0 = \u9762

# allowed  . masked  (rows: queries, columns: keys)
)");
}

TEST(GridText, WideLettersAndAccentsStayAligned) {
  const Tokens tokens = {{"日本", "cafe\u0301", "\n"}};
  EXPECT_EQ(drawn(causal(), {1, 1, 3, 3}, {.labels = {tokens, tokens}}),
            "\nbatch 0, head 0: 6 of 9 pairs allowed (66.7 %)\n"
            "\n"
            "             c\n"
            "             a\n"
            "           日f \\\n"
            "           本e\u0301 n\n"
            "           0 1 2\n"
            "  日本  0  ■ · ·\n"
            "  cafe\u0301  1  ■ ■ ·\n"
            "    \\n  2  ■ ■ ■\n"
            "\n"
            "■ allowed  · masked  (rows: queries, columns: keys)\n");
}

TEST(GridText, WithoutTokensTheNumbersCountToTheTenths) {
  EXPECT_EQ(drawn(causal(Align::bottom_right), {1, 1, 2, 12}), R"(
batch 0, head 0: 23 of 24 pairs allowed (95.8 %)

                         1
     0 1 2 3 4 5 6 7 8 9 0 1
  0  ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ·
  1  ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■

■ allowed  · masked  (rows: queries, columns: keys)
)");
}

TEST(GridText, LargeMasksAreShadedByTheirDensity) {
  EXPECT_EQ(drawn((causal() & sliding_window({.left = 15})) | prefix(3),
                  {1, 1, 64, 64}, {.most_cells = 8}),
            R"(
batch 0, head 0: 1,048 of 4,096 pairs allowed (25.6 %)

      0       32
   0  ▒▒· · · · · · ·
      ██▒▒· · · · · ·
      ▓▓██▒▒· · · · ·
      ▒▒▒▒██▒▒· · · ·
  32  ▒▒· ▒▒██▒▒· · ·
      ▒▒· · ▒▒██▒▒· ·
      ▒▒· · · ▒▒██▒▒·
      ▒▒· · · · ▒▒██▒▒

each cell is 8 queries × 8 keys (rows: queries, columns: keys)
█ all allowed  ▓ more than 2/3  ▒ more than 1/3  ░ some  · none
)");
}

TEST(GridText, ShadesInAscii) {
  EXPECT_EQ(drawn(causal() & ~prefix(1), {1, 1, 8, 8},
                  {.charset = Charset::ascii, .most_cells = 4}),
            R"(
batch 0, head 0: 28 of 64 pairs allowed (43.8 %)

     0
  0  --. . .
     ++**. .
     ++##**.
     ++####**

each cell is 2 queries x 2 keys (rows: queries, columns: keys)
# all allowed  * more than 2/3  + more than 1/3  - some  . none
)");
}

TEST(GridText, EachAxisIsScaledByItself) {
  EXPECT_EQ(
      drawn(causal(Align::bottom_right), {1, 1, 3, 40}, {.most_cells = 10}),
      R"(
batch 0, head 0: 117 of 120 pairs allowed (97.5 %)

     0       16      32
  0  ██████████████████▒▒
  1  ██████████████████▓▓
  2  ████████████████████

each cell is 1 query × 4 keys (rows: queries, columns: keys)
█ all allowed  ▓ more than 2/3  ▒ more than 1/3  ░ some  · none
)");
}

TEST(GridText, OnlyMasksThatDifferAreDrawn) {
  const Mask mask = per_head({causal(), all(), causal(), none()});
  EXPECT_EQ(drawn(mask, {2, 4, 2, 2}, {.most_grids = 2}), R"(
batch 0-1, heads 0 and 2: 3 of 4 pairs allowed (75.0 %)

     0 1
  0  ■ ·
  1  ■ ■

batch 0-1, head 1: 4 of 4 pairs allowed (100 %)

     0 1
  0  ■ ■
  1  ■ ■

not drawn: 1 of 3 masks; choose a batch item or a head to see its own

■ allowed  · masked  (rows: queries, columns: keys)
)");
}

TEST(GridText, WithoutCaptionsOnlyTheGridsAndTheirScale) {
  EXPECT_EQ(
      drawn(per_head({causal(), none()}), {1, 2, 2, 2}, {.captions = false}),
      R"(
     0 1
  0  ■ ·
  1  ■ ■

     0 1
  0  · ·
  1  · ·
)");
  EXPECT_EQ(
      drawn(causal(), {1, 1, 4, 4},
            {.charset = Charset::ascii, .most_cells = 2, .captions = false}),
      R"(
     0
  0  **.
     ##**

each cell is 2 queries x 2 keys (rows: queries, columns: keys)
# all allowed  * more than 2/3  + more than 1/3  - some  . none
)");
}

TEST(GridText, ManyTokensAreSpelledOnSeveralLines) {
  const Tokens tokens = {Tokens::value_type(12, "\u9762")};
  const std::string text =
      draw_text(all().bind({1, 1, 12, 12}),
                {.labels = {tokens, tokens}, .charset = Charset::ascii});
  EXPECT_NE(text.find("\n"
                      "  tokens: 0 = \\u9762, 1 = \\u9762, 2 = \\u9762, "
                      "3 = \\u9762, 4 = \\u9762, 5 = \\u9762,\n"
                      "  tokens: 6 = \\u9762, 7 = \\u9762, 8 = \\u9762, "
                      "9 = \\u9762, 10 = \\u9762, 11 = \\u9762\n"),
            std::string::npos)
      << text;
}

TEST(GridText, ShapesWithoutPairsSaySo) {
  EXPECT_EQ(drawn(all(), {1, 1, 0, 2}), R"(
batch 0, head 0: 0 of 0 pairs allowed (0 %)

  no queries

■ allowed  · masked  (rows: queries, columns: keys)
)");
}

// Never L x L: a million tokens take a moment and no memory to speak of.
TEST(GridText, AMillionTokensAreDrawn) {
  const std::string text = drawn(causal(), {1, 1, 1 << 20, 1 << 20});
  EXPECT_NE(text.find("each cell is 32,768 queries × 32,768 keys"),
            std::string::npos);
  EXPECT_NE(text.find("\n   917504  "), std::string::npos);
}

}  // namespace
}  // namespace maskwise
