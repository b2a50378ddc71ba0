// A mask drawn with characters.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "inspect/grid_page.h"
#include "inspect/token_label.h"
#include "maskwise/inspect.h"

namespace maskwise {
namespace detail {
namespace {

// Each cell is two columns wide, about as wide as a line is high.
constexpr int64_t kCellColumns = 2;

// Key labels stand upright, each character on a line of its own.
constexpr int64_t kTallestKeyLabel = 8;

// Every so many rows of a scaled grid a number stands at the edge.
constexpr int64_t kRowsPerNumber = 4;

struct Marks {
  std::string_view allowed;  // a cell of one pair
  std::string_view masked;
  // A cell of many: none, up to a third, up to two thirds, more, all.
  std::array<std::string_view, 5> shades;
};

const Marks& marks_of(Charset charset) {
  static constexpr Marks kUnicode = {"\u25A0 ",
                                     "\u00B7 ",
                                     {"\u00B7 ", "\u2591\u2591", "\u2592\u2592",
                                      "\u2593\u2593", "\u2588\u2588"}};
  static constexpr Marks kAscii = {"# ", ". ", {". ", "--", "++", "**", "##"}};
  return charset == Charset::unicode ? kUnicode : kAscii;
}

std::string_view mark_of(const GridCells& cells, int64_t row, int64_t column,
                         const Marks& marks) {
  const double share = cells.share(row, column);
  if (!cells.scaled()) return share > 0 ? marks.allowed : marks.masked;
  if (share <= 0) return marks.shades[0];
  if (share >= 1) return marks.shades[4];
  return marks.shades[share <= 1.0 / 3 ? 1 : share <= 2.0 / 3 ? 2 : 3];
}

std::string without_blanks_at_end(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Draws one grid, line by line.
class TextGrid {
 public:
  TextGrid(const GridPicture& picture, const GridOptions& options)
      : picture_(picture),
        marks_(marks_of(options.charset)),
        has_caption_(options.captions) {
    for (const Label& label : picture.q_labels) {
      label_columns_ = std::max(label_columns_, label.columns());
    }
    number_columns_ = rows().digits();
  }

  std::string draw() {
    if (has_caption_) line(picture_.caption + "\n");
    if (rows().cells == 0) line("  no queries");
    if (columns().cells == 0) line("  no keys");
    if (rows().cells == 0 || columns().cells == 0) return text_;
    draw_key_labels();
    if (columns().scaled()) {
      draw_key_scale();
    } else {
      draw_key_numbers();
    }
    for (int64_t row = 0; row < rows().cells; ++row) draw_row(row);
    for (const std::string& tokens : picture_.legend) line("  " + tokens);
    return text_;
  }

 private:
  const GridAxis& rows() const { return picture_.cells.rows; }
  const GridAxis& columns() const { return picture_.cells.columns; }

  void line(std::string text) {
    text_ += without_blanks_at_end(std::move(text)) + "\n";
  }

  // What stands left of the cells.
  int64_t edge_columns() const {
    return 2 + (label_columns_ > 0 ? label_columns_ + 2 : 0) + number_columns_ +
           2;
  }

  // Tokens from top to bottom, ending at the grid.
  void draw_key_labels() {
    size_t height = 0;
    for (const Label& label : picture_.k_labels) {
      height = std::max(height, label.glyphs().size());
    }
    for (size_t at = 0; at < height; ++at) {
      std::string text = blanks(edge_columns());
      for (const Label& label : picture_.k_labels) {
        const size_t above = height - label.glyphs().size();
        const Glyph glyph =
            at < above ? Glyph{" ", 1} : label.glyphs()[at - above];
        text += glyph.bytes + blanks(kCellColumns - glyph.columns);
      }
      line(std::move(text));
    }
  }

  // 0 1 2 ... 9 0 1, and over each tenth its number from top to bottom.
  void draw_key_numbers() {
    const int64_t digits = columns().digits();
    for (int64_t place = digits - 1; place >= 0; --place) {
      std::string text = blanks(edge_columns());
      for (int64_t k = 0; k < columns().cells; ++k) {
        const std::string number = formatted("{}", k);
        const auto size = static_cast<int64_t>(number.size());
        const bool shown = place == 0 || (k % 10 == 0 && place < size);
        text += shown ? number[static_cast<size_t>(size - 1 - place)] : ' ';
        text += ' ';
      }
      line(std::move(text));
    }
  }

  // The first key of every so many cells, such that the numbers keep apart.
  void draw_key_scale() {
    const int64_t widest = columns().digits();
    int64_t step = 4;
    while (step * kCellColumns < widest + 2) step *= 2;
    std::string text = blanks(edge_columns());
    for (int64_t cell = 0; cell < columns().cells; cell += step) {
      text +=
          formatted("{:<{}}", columns().begin_of(cell), step * kCellColumns);
    }
    line(std::move(text));
  }

  void draw_row(int64_t row) {
    std::string text = "  ";
    if (label_columns_ > 0) {
      text +=
          picture_.q_labels[static_cast<size_t>(row)].at_right(label_columns_) +
          "  ";
    }
    const bool numbered = !rows().scaled() || row % kRowsPerNumber == 0;
    const std::string number =
        numbered ? formatted("{}", rows().begin_of(row)) : "";
    text += formatted("{:>{}}  ", number, number_columns_);
    for (int64_t column = 0; column < columns().cells; ++column) {
      text += mark_of(picture_.cells, row, column, marks_);
    }
    line(std::move(text));
  }

  const GridPicture& picture_;
  const Marks& marks_;
  bool has_caption_;
  int64_t label_columns_ = 0;
  int64_t number_columns_ = 1;
  std::string text_;
};

std::string legend_of(const GridPage& page, Charset charset) {
  const bool unicode = charset == Charset::unicode;
  if (!page.scaled()) {
    return formatted("{} allowed  {} masked  (rows: queries, columns: keys)",
                     unicode ? "\u25A0" : "#", unicode ? "\u00B7" : ".");
  }
  return formatted(
      "each cell is {} (rows: queries, columns: keys)\n"
      "{} all allowed  {} more than 2/3  {} more than 1/3  {} some  {} none",
      cell_size(page.pictures[0].cells, unicode ? "\u00D7" : "x"),
      unicode ? "\u2588" : "#", unicode ? "\u2593" : "*",
      unicode ? "\u2592" : "+", unicode ? "\u2591" : "-",
      unicode ? "\u00B7" : ".");
}

}  // namespace
}  // namespace detail

std::string draw_text(const BoundMask& mask, const GridOptions& options) {
  const detail::GridPage page = detail::lay_out(
      mask, options,
      {.key = detail::kTallestKeyLabel, .charset = options.charset});
  std::vector<std::string> parts;
  for (const detail::GridPicture& picture : page.pictures) {
    parts.push_back(detail::TextGrid(picture, options).draw());
  }
  if (!page.more.empty()) parts.push_back(page.more + "\n");
  if (options.captions || page.scaled()) {
    parts.push_back(detail::legend_of(page, options.charset) + "\n");
  }
  return detail::joined(parts, "\n");
}

}  // namespace maskwise
