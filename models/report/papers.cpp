#include "models/report/papers.h"

#include <array>

#include "models/report/svg.h"

namespace metserve::models {
namespace {

using Row = std::array<const char*, 8>;

constexpr std::array<Row, 4> voxels{
    {{"from patients, two papers", "AUC", "Dice", "recall", "precision", "FP/patient", "FP of 10 mm3",
      "threshold"},
     {"Grøvik 2021, DeepLabV3", "0.989", "0.774", "0.631", "0.722", "26.3", "7.0", "0.87"},
     {"Grøvik 2021, DropOut", "0.989", "0.795", "0.671", "0.790", "12.3", "3.6", "0.76"},
     {"Grøvik 2020, GoogLeNet", "0.98", "0.79", "0.53", "0.79", "8.3", "3.4", "0.93"}}};

using LesionRow = std::array<const char*, 4>;

/// Yi 2019: mAP / maximum sensitivity / Dice of the true positives, percent.
constexpr std::array<LesionRow, 9> lesions{
    {{"Yi 2019: mAP / max. sensitivity / TP Dice, %", "no dropout, all four", "dropout, all four",
      "dropout, without BRAVO"},
     {"input", "46 / 80 / 72", "45 / 80 / 72", "37 / 62 / 72"},
     {"mid-shared", "44 / 82 / 74", "43 / 83 / 74", "40 / 64 / 70"},
     {"mid-independent", "39 / 54 / 70", "34 / 44 / 71", "34 / 60 / 73"},
     {"mid-l2", "44 / 83 / 73", "45 / 83 / 73", "38 / 65 / 71"},
     {"end-shared", "35 / 52 / 70", "35 / 54 / 70", "30 / 55 / 70"},
     {"end-independent", "28 / 47 / 62", "24 / 41 / 58", "15 / 45 / 63"},
     {"end-l2", "34 / 53 / 71", "34 / 50 / 71", "28 / 57 / 72"},
     {"mid-subtract", "48 / 86 / 75", "-", "-"}}};

constexpr std::array<LesionRow, 6> missing{
    {{"Yi 2019, input with dropout, by what is missing", "mAP", "max. sensitivity", "TP Dice"},
     {"nothing", "45", "80", "72"},
     {"BRAVO (networks without dropout: 0 / 0 / -)", "37", "62", "72"},
     {"CUBE pre", "38", "67", "71"},
     {"CUBE post", "42", "72", "70"},
     {"FLAIR", "44", "79", "72"}}};

template <typename Table>
std::string html(const Table& table) {
  std::string text = "<table class='papers'>\n";
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::string tag = i == 0 ? "th" : "td";
    text += "<tr>";
    for (const char* cell : table[i]) text += "<" + tag + ">" + escaped(cell) + "</" + tag + ">";
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

}  // namespace

std::string papers_tables() {
  return html(voxels) + html(lesions) + html(missing);
}

}  // namespace metserve::models
