// maskwise devices: what attention can run on here.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "commands.h"
#include "flags.h"
#include "report.h"

namespace maskwise::cli {
namespace {

struct DevicesFlags {
  bool json = false;
};

void report_json(const DeviceRegistry& registry) {
  Json backends = Json::array();
  for (const BackendInfo& info : registry.backends()) {
    backends.push_back(
        {{"name", info.name}, {"description", info.description}});
  }
  Json isas = Json::array();
  for (const IsaInfo& info : registry.isas()) {
    isas.push_back({{"name", info.name},
                    {"needs", info.description},
                    {"available", info.available}});
  }
  print(Json{{"backends", backends},
             {"isas", isas},
             {"chosen_isa", name_of(registry.choose())}});
}

void report_text(const DeviceRegistry& registry) {
  const Isa chosen = registry.choose();
  std::string text = "backends\n";
  for (const BackendInfo& info : registry.backends()) {
    text += fmt::format("  {:<10} {}\n", info.name, info.description);
  }
  text +=
      "instruction sets of the cpu backend; every one gives the same bits\n";
  for (const IsaInfo& info : registry.isas()) {
    text += fmt::format("  {:<10} {:<24} {}\n", info.name, info.description,
                        info.isa == chosen ? "chosen"
                        : info.available   ? "available"
                                           : "this processor lacks it");
  }
  print(text);
}

}  // namespace

void add_devices(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<DevicesFlags>();
  CLI::App* command =
      add_command(app, "devices", "What attention can run on here",
                  "MASKWISE_ISA=avx2 maskwise devices");
  add_json_flag(*command, flags->json);
  command->callback([flags] {
    flags->json ? report_json(devices()) : report_text(devices());
  });
}

}  // namespace maskwise::cli
