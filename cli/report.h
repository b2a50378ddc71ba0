// How commands tell what they found.
#ifndef MASKWISE_CLI_REPORT_H_
#define MASKWISE_CLI_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

using Json = nlohmann::ordered_json;

// A number, or "-inf", "inf" or "nan", which JSON has no number for.
Json json_number(double value);

Json json_shape(const AttentionShape& shape);

Json json_warnings(const std::vector<MaskWarning>& warnings);

// Writes the text to standard output and makes sure that it got there. Throws
// Error (io) when it did not, on a full disk for example.
void print(const std::string& text);
void print(const Json& json);

// As print() writes it.
std::string dumped(const Json& json);

// One line for each warning, on standard error.
void print_warnings(const std::vector<MaskWarning>& warnings);

// "1.5 KiB"; "12.3 %"; "1,234,567".
std::string human_bytes(int64_t bytes);
std::string human_share(double share);
std::string human_count(int64_t count);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_REPORT_H_
