#include <gtest/gtest.h>

#include <regex>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

using Tokens = std::vector<std::vector<std::string>>;

// How often `pattern` stands in `text`.
int64_t count_of(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), regex),
                       {});
}

// The squares of the path whose tag matches `tag`.
int64_t squares_in(const std::string& svg, const std::string& tag) {
  std::smatch found;
  if (!std::regex_search(svg, found, std::regex(tag + " d=\"([^\"]*)\""))) {
    return 0;
  }
  return count_of(found[1], "M");
}

TEST(GridSvg, ADocumentHoldsOneGroupForEachGrid) {
  const std::string svg =
      draw_svg(per_head({causal(), all(), causal()}).bind({1, 3, 3, 3}));
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(count_of(svg, "<g "), 2);
  EXPECT_EQ(count_of(svg, "heads 0 and 2: 6 of 9 pairs allowed"), 1);
  EXPECT_EQ(count_of(svg, "head 1: 9 of 9 pairs allowed"), 1);
  EXPECT_EQ(count_of(svg, "prefers-color-scheme: dark"), 1);
}

TEST(GridSvg, EachPairIsASquareOnTheGroundAndAllowedOnesAreOverIt) {
  const std::string svg = draw_svg(causal().bind({1, 1, 4, 4}));
  EXPECT_EQ(squares_in(svg, "class=\"masked\""), 16);
  EXPECT_EQ(squares_in(svg, "class=\"allowed\" fill-opacity=\"1\""), 10);
}

TEST(GridSvg, ScaledMasksAreShadedByTheirDensity) {
  const std::string svg =
      draw_svg(causal().bind({1, 1, 8, 8}), {.most_cells = 4});
  EXPECT_EQ(squares_in(svg, "class=\"masked\""), 16);
  EXPECT_EQ(squares_in(svg, "class=\"allowed\" fill-opacity=\"1\""), 6);
  EXPECT_EQ(squares_in(svg, "class=\"allowed\" fill-opacity=\"0.75\""), 4);
  EXPECT_EQ(count_of(svg, "a cell: 2 queries x 2 keys"), 1);
}

TEST(GridSvg, TokensAndMasksAreEscaped) {
  const Tokens tokens = {{"<pad>", "a&\"b\"", "\x01"}};
  const std::string svg = draw_svg((causal() & all()).bind({1, 1, 3, 3}),
                                   {.labels = {tokens, tokens}});
  EXPECT_EQ(count_of(svg, "<title>causal &amp; all</title>"), 1);
  EXPECT_EQ(count_of(svg, ">&lt;pad&gt;</text>"), 2);
  EXPECT_EQ(count_of(svg, ">a&amp;&quot;b&quot;</text>"), 2);
  EXPECT_EQ(count_of(svg, R"(>\\x01</text>)"), 2);
  EXPECT_EQ(count_of(svg, "&(?!(amp|lt|gt|quot);)"), 0);
}

TEST(GridSvg, EmptyShapesAreADocument) {
  const std::string svg = draw_svg(all().bind({1, 1, 0, 3}));
  EXPECT_EQ(count_of(svg, "0 of 0 pairs allowed"), 1);
  EXPECT_EQ(squares_in(svg, "class=\"allowed\" fill-opacity=\"1\""), 1);  // key
  EXPECT_TRUE(draw_svg(all().bind({0, 1, 3, 3})).ends_with("</svg>\n"));
}

}  // namespace
}  // namespace maskwise
