#include "inspect/grid_page.h"

#include <algorithm>

#include "base/fail.h"
#include "base/format.h"
#include "inspect/grid_slices.h"

namespace maskwise::detail {
namespace {

void check_options(const BoundMask& mask, const GridOptions& options) {
  constexpr int64_t kMostCells = 1024;
  if (options.most_cells < 1 || options.most_cells > kMostCells) {
    fail(ErrorCode::invalid_argument, "draw",
         "most_cells is {}; expected 1 to {}", options.most_cells, kMostCells);
  }
  if (options.most_grids < 0) {
    fail(ErrorCode::invalid_argument, "draw",
         "most_grids is {}; expected a count >= 0", options.most_grids);
  }
  check_labels(options.labels, mask.shape());
}

std::vector<Label> axis_labels(const LabelLists& lists, int64_t batch,
                               const GridAxis& axis, Charset charset,
                               int64_t most_columns) {
  std::vector<Label> labels;
  if (!has_labels(lists, batch) || axis.scaled()) return labels;
  for (int64_t i = 0; i < axis.cells; ++i) {
    const std::string_view token = label_at(lists, batch, i);
    labels.push_back(can_show(token, charset)
                         ? token_label(token, charset).shortened(most_columns)
                         : Label());
  }
  return labels;
}

// Adds the tokens that the characters cannot show, by their numbers, as in
// "keys: 0 = \u9762, 3 = caf\u00e9", on as many lines as it takes.
void spell_tokens(std::string_view side, const LabelLists& lists, int64_t batch,
                  const GridAxis& axis, Charset charset,
                  std::vector<std::string>& lines) {
  constexpr int64_t kLongestToken = 40;
  constexpr size_t kLongestLine = 80;
  if (!has_labels(lists, batch) || axis.scaled()) return;
  std::string line;
  for (int64_t i = 0; i < axis.cells; ++i) {
    const std::string_view token = label_at(lists, batch, i);
    if (can_show(token, charset)) continue;
    const std::string spelled =
        formatted("{} = {}", i,
                  token_label(token, charset).shortened(kLongestToken).text());
    if (line.size() + spelled.size() > kLongestLine) {
      lines.push_back(line + ",");
      line.clear();
    }
    line += line.empty() ? formatted("{}: ", side) : ", ";
    line += spelled;
  }
  if (!line.empty()) lines.push_back(line);
}

std::vector<std::string> legend_of(const TokenLabels& labels, int64_t batch,
                                   const GridCells& cells, Charset charset) {
  const bool same = labels.q == labels.k;
  std::vector<std::string> lines;
  spell_tokens(same ? "tokens" : "keys", labels.k, batch, cells.columns,
               charset, lines);
  if (!same) {
    spell_tokens("queries", labels.q, batch, cells.rows, charset, lines);
  }
  return lines;
}

// Whether the tokens shown, those of the first user, are not everybody's.
bool labels_differ(const LabelLists& lists, const GridSlice& slice,
                   int64_t heads) {
  if (lists.empty()) return false;
  const auto& first = lists[static_cast<size_t>(slice.batch)];
  return std::ranges::any_of(slice.users, [&](const KeyInterval& users) {
    const auto begin = lists.begin() + users.begin / heads;
    const auto end = lists.begin() + (users.end - 1) / heads + 1;
    return std::any_of(begin, end,
                       [&](const auto& list) { return list != first; });
  });
}

std::string caption_of(const BoundMask& mask, const GridSlice& slice,
                       const GridPicture& picture, const TokenLabels& labels) {
  const AttentionShape& shape = mask.shape();
  const int64_t pairs = shape.q_len * shape.kv_len;
  const double share = pairs == 0 ? 0
                                  : static_cast<double>(slice.visible_pairs) /
                                        static_cast<double>(pairs);
  const bool labelled = !picture.q_labels.empty() || !picture.k_labels.empty();
  const bool others =
      labelled && (labels_differ(labels.q, slice, shape.heads) ||
                   labels_differ(labels.k, slice, shape.heads));
  return formatted(
      "{}: {} of {} pairs allowed ({}){}", describe_users(slice, shape.heads),
      grouped(slice.visible_pairs), grouped(pairs), percent(share),
      others ? formatted("; tokens of batch {}", slice.batch) : "");
}

}  // namespace

bool GridPage::scaled() const {
  return std::ranges::any_of(
      pictures, [](const GridPicture& p) { return p.cells.scaled(); });
}

GridPage lay_out(const BoundMask& mask, const GridOptions& options,
                 const LabelRoom& room) {
  check_options(mask, options);
  const std::vector<GridSlice> slices =
      grid_slices(mask, options.batch, options.head);
  GridPage page;
  for (const GridSlice& slice : slices) {
    const auto drawn = static_cast<int64_t>(page.pictures.size());
    if (drawn == options.most_grids) break;
    GridPicture picture;
    picture.cells = count_cells(mask, slice, options.most_cells);
    picture.q_labels =
        axis_labels(options.labels.q, slice.batch, picture.cells.rows,
                    room.charset, room.query);
    picture.k_labels =
        axis_labels(options.labels.k, slice.batch, picture.cells.columns,
                    room.charset, room.key);
    picture.legend =
        legend_of(options.labels, slice.batch, picture.cells, room.charset);
    picture.caption = caption_of(mask, slice, picture, options.labels);
    page.pictures.push_back(std::move(picture));
  }
  if (slices.empty()) {
    page.more =
        formatted("nothing to draw: the shape is {}", to_string(mask.shape()));
  }
  const size_t rest = slices.size() - page.pictures.size();
  if (rest > 0) {
    page.more = formatted(
        "not drawn: {} of {} masks; choose a batch item or a head to see its "
        "own",
        rest, slices.size());
  }
  return page;
}

std::string percent(double share) {
  const double value = 100 * share;
  if (share <= 0) return "0 %";
  if (share >= 1) return "100 %";
  if (value < 0.1) return "< 0.1 %";
  if (value > 99.9) return "> 99.9 %";
  return formatted("{:.1f} %", value);
}

std::string grouped(int64_t count) {
  std::string digits = formatted("{}", count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string cell_size(const GridCells& cells, std::string_view times) {
  const auto part = [](int64_t count, std::string_view one,
                       std::string_view many) {
    return formatted("{} {}", grouped(count), count == 1 ? one : many);
  };
  return formatted("{} {} {}", part(cells.rows.cell, "query", "queries"), times,
                   part(cells.columns.cell, "key", "keys"));
}

}  // namespace maskwise::detail
