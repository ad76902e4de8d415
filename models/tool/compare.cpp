#include "models/report/compare.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "models/text.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {

void add_compare(CLI::App& program) {
  struct Arguments {
    std::string first, second, output;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* c = program.add_subcommand("compare", "two evaluations by Wilcoxon's rank-sum test");
  c->add_option("first", a->first, "evaluation.json of one model")->required();
  c->add_option("second", a->second, "evaluation.json of the other, on the same kind of studies")->required();
  c->add_option("-o,--output", a->output, "directory for comparison.json and comparison.md");
  c->callback([a] {
    const auto comparisons = compare_evaluations(a->first, a->second);
    std::printf("%s", to_table(comparisons).c_str());
    if (a->output.empty()) return;
    const std::filesystem::path output = a->output;
    std::filesystem::create_directories(output);
    write_text(to_json(comparisons), output / "comparison.json");
    write_text(to_table(comparisons), output / "comparison.md");
  });
}

}  // namespace metserve::models::tool
