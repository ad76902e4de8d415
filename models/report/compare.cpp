#include "models/report/compare.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "models/error.h"
#include "models/text.h"

namespace metserve::models {
namespace {

using nlohmann::json;

constexpr std::array figure_names{"auc",
                                  "dice",
                                  "precision",
                                  "recall",
                                  "detected_dice",
                                  "lesion_wise_dice",
                                  "false_positives",
                                  "false_positives_any_size"};

/// Values over studies by figure, by subset.
using Samples = std::map<std::string, std::map<std::string, std::vector<double>>>;

Samples samples_of(const std::filesystem::path& file, const StudyGroup& group) {
  if (std::filesystem::is_directory(file))
    throw Error(Error::Kind::bad_input, file.string() + ": is a folder: name the evaluation.json in it");
  std::ifstream stream(file);
  if (!stream) throw Error(Error::Kind::io, file.string() + ": cannot be read");
  try {
    Samples samples;
    for (const json& row : json::parse(stream)) {
      std::string subset;
      for (const json& slot : row.at("subset"))
        subset += (subset.empty() ? "" : "+") + slot.get<std::string>();
      auto& own = samples[subset];
      for (const json& study : row.at("studies")) {
        const std::size_t lesions = study.at("lesions").size();
        if (lesions < group.fewest_lesions || lesions > group.most_lesions) continue;
        for (const char* figure : figure_names)
          if (const json& value = study.at(figure); !value.is_null())
            own[figure].push_back(value.get<double>());
      }
    }
    return samples;
  } catch (const json::exception& error) {
    throw Error(Error::Kind::bad_input, file.string() + ": is not an evaluation.json: " + error.what());
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

std::vector<Comparison> compare_evaluations(const std::filesystem::path& first,
                                            const std::filesystem::path& second, const StudyGroup& of_first,
                                            const StudyGroup& of_second) {
  Samples a = samples_of(first, of_first), b = samples_of(second, of_second);
  std::vector<Comparison> comparisons;
  for (auto& [subset, own] : a) {
    if (of_first.subset && subset != key(*of_first.subset)) continue;
    const std::string against = of_second.subset ? key(*of_second.subset) : subset;
    for (const char* figure : figure_names) {
      const std::vector<double>&x = own[figure], &y = b[against][figure];
      if (x.empty() || y.empty()) continue;
      comparisons.push_back({subset, against, figure, median(x), median(y), rank_sum_test(x, y)});
    }
  }
  if (comparisons.empty())
    throw Error(Error::Kind::bad_input,
                second.string() + ": has no studies of those subsets and lesions to compare with those of " +
                    first.string());
  return comparisons;
}

std::string to_table(const std::vector<Comparison>& comparisons) {
  std::string text =
      "| sequences | against | figure | first, median | second, median | U | p | |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const Comparison& c : comparisons)
    text += formatted("| %s | %s | %s | %.4g | %.4g | %g | %.3g | %s |\n", c.subset.c_str(),
                      c.against.c_str(), c.figure.c_str(), c.first_median, c.second_median, c.test.u,
                      c.test.p_value, c.test.exact ? "exact" : "normal");
  return text;
}

std::string to_json(const std::vector<Comparison>& comparisons) {
  json list = json::array();
  for (const Comparison& c : comparisons)
    list.push_back({{"subset", c.subset},
                    {"against", c.against},
                    {"figure", c.figure},
                    {"first_median", c.first_median},
                    {"second_median", c.second_median},
                    {"u", c.test.u},
                    {"p_value", c.test.p_value},
                    {"exact", c.test.exact}});
  return list.dump(2);
}

}  // namespace metserve::models
