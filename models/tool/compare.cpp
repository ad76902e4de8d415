#include "models/report/compare.h"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "models/error.h"
#include "models/slot_list.h"
#include "models/text.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {
namespace {

/// "4-10", or "11-" for 11 and more.
void read_lesions(const std::string& words, StudyGroup& group) {
  const char* const end = words.data() + words.size();
  const auto [dash, failure] = std::from_chars(words.data(), end, group.fewest_lesions);
  const bool ranged = failure == std::errc() && dash != end && *dash == '-';
  if (ranged && dash + 1 == end) return;
  if (!ranged || std::from_chars(dash + 1, end, group.most_lesions).ptr != end)
    throw Error(Error::Kind::bad_input,
                "'" + words + "' is no number of lesions: say 4-10, or 11- for 11 and more");
}

SlotSet one_subset(const std::string& words) {
  const std::vector<SlotSet> subsets = subsets_named(words);
  if (subsets.size() != 1) throw Error(Error::Kind::bad_input, "'" + words + "' is more than one subset");
  return subsets.front();
}

struct Side {
  std::string file, subset, lesions;

  StudyGroup group() const {
    StudyGroup group;
    if (!subset.empty()) group.subset = one_subset(subset);
    if (!lesions.empty()) read_lesions(lesions, group);
    return group;
  }
};

struct CompareArguments {
  Side first, second;
  std::string output;
};

void run(const CompareArguments& a) {
  const auto comparisons =
      compare_evaluations(a.first.file, a.second.file, a.first.group(), a.second.group());
  std::printf("%s", to_table(comparisons).c_str());
  if (a.output.empty()) return;
  const std::filesystem::path output = a.output;
  std::filesystem::create_directories(output);
  write_text(to_json(comparisons), output / "comparison.json");
  write_text(to_table(comparisons), output / "comparison.md");
}

}  // namespace

void add_compare(CLI::App& program) {
  auto a = std::make_shared<CompareArguments>();
  CLI::App* c =
      program.add_subcommand("compare", "two models or groups of studies by Wilcoxon's rank-sum test");
  c->add_option("first", a->first.file, "evaluation.json of one model")->required();
  c->add_option("second", a->second.file, "evaluation.json of the other, or the same file")->required();
  c->add_option("--subset", a->first.subset,
                "of the first, as evaluate names it; each that both have without it");
  c->add_option("--against-subset", a->second.subset, "of the second; that of the first without it");
  c->add_option("--lesions", a->first.lesions, "of the first's studies, e.g. 1-3; any number without it");
  c->add_option("--against-lesions", a->second.lesions,
                "of the second's studies, e.g. 11-; any number without it");
  c->add_option("-o,--output", a->output, "directory for comparison.json and comparison.md");
  c->callback([a] { run(*a); });
}

}  // namespace metserve::models::tool
