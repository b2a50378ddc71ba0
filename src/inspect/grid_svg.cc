// A mask drawn as an SVG document that needs nothing outside itself.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "base/format.h"
#include "inspect/grid_page.h"
#include "inspect/token_label.h"
#include "maskwise/inspect.h"
#include "maskwise/mask_text.h"

namespace maskwise {
namespace detail {
namespace {

// All lengths are in pixels of the document.
constexpr int64_t kMargin = 24;
constexpr int64_t kLineHeight = 22;
constexpr int64_t kTokenPitch = 20;   // cell and gap where cells are pairs
constexpr int64_t kScaledPitch = 12;  // no gap where cells are many pairs
constexpr int64_t kGap = 2;
constexpr int64_t kEdge = 8;  // between the numbers and the cells

// A character of the label font (12 pixels, monospaced) is this wide, and of
// the number font (10 pixels); of the other text no wider than this.
constexpr double kLabelWidth = 7.4;
constexpr double kNumberWidth = 6.2;
constexpr double kTextWidth = 7.8;
constexpr double kTitleWidth = 9.5;

// Key labels lean, so that they keep apart and can still be read.
constexpr double kLean = 60;  // degrees

constexpr int64_t kLongestTitle = 96;

constexpr std::string_view kStyle = R"(
  .page { fill: #ffffff } .ink { fill: #1f2328 } .quiet { fill: #6a737d }
  .allowed { fill: #2b6cb0 } .masked { fill: #e9ecf0 }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .title { font-size: 15px; font-weight: 600 }
  .token { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .number { font-size: 10px; font-variant-numeric: tabular-nums }
  .end { text-anchor: end } .middle { text-anchor: middle }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14181d } .ink { fill: #e6e9ed } .quiet { fill: #8d96a0 }
    .allowed { fill: #6cb2f7 } .masked { fill: #252c34 }
  }
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

int64_t pixels(double length) {
  return static_cast<int64_t>(std::ceil(length));
}

int64_t longest(const std::vector<Label>& labels) {
  int64_t columns = 0;
  for (const Label& label : labels) {
    columns = std::max(columns, label.columns());
  }
  return columns;
}

std::string text_at(int64_t x, int64_t y, std::string_view style,
                    std::string_view text) {
  return formatted("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y,
                   style, escaped(text));
}

// The last number of an axis, the widest.
int64_t number_width(const GridAxis& axis) {
  return pixels(kNumberWidth * static_cast<double>(axis.digits()));
}

// One grid; (0, 0) is its upper left corner, caption included.
class SvgGrid {
 public:
  explicit SvgGrid(const GridPicture& picture)
      : picture_(picture),
        pitch_(cells().scaled() ? kScaledPitch : kTokenPitch),
        gap_(cells().scaled() ? 0 : kGap) {
    const int64_t q_label =
        pixels(kLabelWidth * static_cast<double>(longest(picture.q_labels)));
    left_ = kMargin + q_label + (q_label > 0 ? kEdge : 0) +
            number_width(cells().rows) + kEdge;
    lean_up_ = pixels(std::sin(kLean * M_PI / 180) * key_label_length());
    top_ = kLineHeight + (lean_up_ > 0 ? lean_up_ + kEdge : 0) + kLineHeight;
  }

  int64_t width() const {
    const int64_t lean_right =
        pixels(std::cos(kLean * M_PI / 180) * key_label_length());
    const auto caption = static_cast<double>(picture_.caption.size());
    return std::max(left_ + cells().columns.cells * pitch_ + lean_right,
                    kMargin + pixels(kTextWidth * caption)) +
           kMargin;
  }
  int64_t height() const {
    return top_ + cells().rows.cells * pitch_ + kLineHeight;
  }

  std::string draw() const {
    return text_at(kMargin, 14, "ink", picture_.caption) + key_labels() +
           key_numbers() + query_labels() + query_numbers() + squares();
  }

 private:
  const GridCells& cells() const { return picture_.cells; }

  double key_label_length() const {
    return kLabelWidth * static_cast<double>(longest(picture_.k_labels));
  }
  int64_t x_of(int64_t column) const { return left_ + column * pitch_; }
  int64_t y_of(int64_t row) const { return top_ + row * pitch_; }

  // Numbers stand at every so many cells, such that they keep apart.
  int64_t step_of(int64_t room) const {
    int64_t step = cells().scaled() ? 4 : 1;
    while (step * pitch_ < room) step *= 2;
    return step;
  }

  std::string key_labels() const {
    std::string out;
    for (size_t i = 0; i < picture_.k_labels.size(); ++i) {
      const int64_t x = x_of(static_cast<int64_t>(i)) + pitch_ / 2 + 3;
      const int64_t y = top_ - kLineHeight + 2;
      out += formatted(
          "<text class=\"ink token\" transform=\"translate({} {}) "
          "rotate(-{})\">{}</text>\n",
          x, y, kLean, escaped(picture_.k_labels[i].text()));
    }
    return out;
  }

  std::string key_numbers() const {
    const GridAxis& axis = cells().columns;
    const int64_t step = step_of(number_width(axis) + 6);
    const int64_t middle = axis.scaled() ? 0 : (pitch_ - gap_) / 2;
    std::string out;
    for (int64_t i = 0; i < axis.cells; i += step) {
      out += text_at(x_of(i) + middle, top_ - 6,
                     axis.scaled() ? "quiet number" : "quiet number middle",
                     formatted("{}", axis.begin_of(i)));
    }
    return out;
  }

  std::string query_labels() const {
    std::string out;
    const int64_t x = left_ - 2 * kEdge - number_width(cells().rows);
    for (size_t i = 0; i < picture_.q_labels.size(); ++i) {
      out += text_at(x, y_of(static_cast<int64_t>(i)) + pitch_ / 2 + 3,
                     "ink token end", picture_.q_labels[i].text());
    }
    return out;
  }

  std::string query_numbers() const {
    const GridAxis& axis = cells().rows;
    const int64_t down = axis.scaled() ? 10 : pitch_ / 2 + 3;
    std::string out;
    for (int64_t i = 0; i < axis.cells; i += step_of(1)) {
      out += text_at(left_ - kEdge, y_of(i) + down, "quiet number end",
                     formatted("{}", axis.begin_of(i)));
    }
    return out;
  }

  // One path for the ground and one for each density.
  std::string squares() const {
    std::map<int64_t, std::string> paths;  // by opacity in percent
    const int64_t size = pitch_ - gap_;
    std::string ground;
    for (int64_t row = 0; row < cells().rows.cells; ++row) {
      for (int64_t column = 0; column < cells().columns.cells; ++column) {
        const double share = cells().share(row, column);
        const std::string square = formatted("M{} {}h{}v{}h-{}z", x_of(column),
                                             y_of(row), size, size, size);
        ground += square;
        if (share > 0) paths[opacity_of(share)] += square;
      }
    }
    if (ground.empty()) return "";
    std::string out = formatted("<path class=\"masked\" d=\"{}\"/>\n", ground);
    for (const auto& [opacity, path] : paths) {
      out +=
          formatted("<path class=\"allowed\" fill-opacity=\"{}\" d=\"{}\"/>\n",
                    static_cast<double>(opacity) / 100, path);
    }
    return out;
  }

  // All stands out from nearly all, and the faintest is seen.
  static int64_t opacity_of(double share) {
    if (share >= 1) return 100;
    return std::clamp<int64_t>(std::lround(100 * share), 8, 85);
  }

  const GridPicture& picture_;
  int64_t pitch_;
  int64_t gap_;
  int64_t left_ = 0;  // where the cells begin
  int64_t top_ = 0;
  int64_t lean_up_ = 0;  // how high the key labels stand
};

// Swatches and words, from `x` on.
class SvgLegend {
 public:
  explicit SvgLegend(int64_t y) : y_(y) {}

  void swatch(double opacity, std::string_view text) {
    out_ += formatted(
        "<path class=\"masked\" d=\"M{0} {1}h14v14h-14z\"/>"
        "<path class=\"allowed\" fill-opacity=\"{2}\" "
        "d=\"M{0} {1}h14v14h-14z\"/>\n",
        x_, y_ - 11, opacity);
    x_ += 20;
    words(text);
  }

  void words(std::string_view text) {
    out_ += text_at(x_, y_, "quiet", text);
    x_ += pixels(kTextWidth * static_cast<double>(text.size())) + 16;
  }

  int64_t width() const { return x_ + kMargin; }
  const std::string& drawn() const { return out_; }

 private:
  int64_t x_ = kMargin;
  int64_t y_;
  std::string out_;
};

SvgLegend legend_at(int64_t y, const GridPage& page) {
  SvgLegend legend(y);
  if (!page.scaled()) {
    legend.swatch(1, "allowed");
    legend.swatch(0, "masked");
    legend.words("rows: queries, columns: keys");
    return legend;
  }
  const GridCells& cells = page.pictures[0].cells;
  legend.swatch(1, "all allowed");
  legend.swatch(0.66, "2/3");
  legend.swatch(0.33, "1/3");
  legend.swatch(0, "none");
  legend.words(formatted("a cell: {}", cell_size(cells, "x")));
  return legend;
}

std::string document(const BoundMask& mask, const GridPage& page) {
  const std::string title = Label(to_string(mask.mask()).text, Charset::unicode)
                                .shortened(kLongestTitle)
                                .text();
  std::string body = text_at(kMargin, 32, "ink title", title) +
                     text_at(kMargin, 52, "quiet",
                             "B, H, Lq, Lk = " + to_string(mask.shape()));
  int64_t y = 64 + kLineHeight;
  int64_t width =
      2 * kMargin + pixels(kTitleWidth * static_cast<double>(title.size()));
  for (const GridPicture& picture : page.pictures) {
    const SvgGrid grid(picture);
    body += formatted("<g transform=\"translate(0 {})\">\n{}</g>\n", y,
                      grid.draw());
    y += grid.height() + kLineHeight;
    width = std::max(width, grid.width());
  }
  if (!page.more.empty()) {
    body += text_at(kMargin, y, "ink", page.more);
    y += kLineHeight;
  }
  const SvgLegend legend = legend_at(y, page);
  return formatted(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" role=\"img\">\n<title>{2}</title>\n"
      "<style>{3}</style>\n<rect class=\"page\" width=\"100%\" "
      "height=\"100%\"/>\n{4}{5}</svg>\n",
      std::max(width, legend.width()), y + kMargin, escaped(title), kStyle,
      body, legend.drawn());
}

}  // namespace
}  // namespace detail

std::string draw_svg(const BoundMask& mask, const GridOptions& options) {
  return detail::document(mask, detail::lay_out(mask, options, {}));
}

}  // namespace maskwise
