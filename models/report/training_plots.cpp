#include "models/report/training_plots.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "models/report/svg.h"
#include "models/slots.h"
#include "models/text.h"

namespace metserve::models {
namespace {

/// Fields of the rows below the heading; empty ones stay empty.
std::vector<std::vector<std::string>> rows_of(const std::filesystem::path& file) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream stream(file);
  std::string row;
  std::getline(stream, row);
  while (std::getline(stream, row)) {
    std::vector<std::string>& fields = rows.emplace_back();
    for (std::size_t at = 0; at <= row.size();) {
      const std::size_t comma = std::min(row.find(',', at), row.size());
      fields.push_back(row.substr(at, comma - at));
      at = comma + 1;
    }
  }
  return rows;
}

double number(const std::string& field) {
  return std::strtod(field.c_str(), nullptr);
}

double highest(const std::vector<PlotPoint>& points) {
  double most = 0;
  for (const PlotPoint& point : points) most = std::max(most, point.y);
  return most > 0 ? most : 1;
}

Axis steps_axis(const std::vector<PlotPoint>& points) {
  return {"step", 0, points.empty() ? 1 : points.back().x};
}

std::vector<PlotPoint> column(const std::vector<std::vector<std::string>>& rows,
                              std::size_t number_of_column) {
  std::vector<PlotPoint> points;
  for (const auto& row : rows)
    if (row.size() > number_of_column && !row[number_of_column].empty())
      points.push_back({number(row[0]), number(row[number_of_column])});
  return points;
}

std::string loss_plot(const std::vector<PlotPoint>& points) {
  Plot plot("Loss in training", steps_axis(points), {"loss", 0, highest(points)});
  plot.line(points, 0);
  return plot.svg();
}

std::string score_plot(const std::vector<PlotPoint>& points) {
  Plot plot("Validation score", steps_axis(points), {"highest voxel Dice", 0, 1});
  plot.line(points, 0);
  return plot.svg();
}

std::string saliency_plot(const std::vector<std::vector<std::string>>& rows) {
  std::array<std::vector<PlotPoint>, slot_count> by_slot;
  double most = 0;
  for (const auto& row : rows) {
    const std::size_t slices = (row.size() - 1) / slot_count;
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
      double sum = by_slot[slot].empty() ? 0 : by_slot[slot].back().y;
      for (std::size_t slice = 0; slice < slices; ++slice) sum += number(row[1 + slot * slices + slice]);
      by_slot[slot].push_back({number(row[0]), sum});
      most = std::max(most, sum);
    }
  }
  Plot plot("Cumulative saliency", steps_axis(by_slot[0]),
            {"sum of |d loss / d input|", 0, most > 0 ? most : 1});
  for (const Slot slot : all_slots) plot.line(by_slot[index(slot)], index(slot), std::string(id(slot)));
  return plot.svg();
}

}  // namespace

void write_training_plots(const std::filesystem::path& directory) {
  const auto training = rows_of(directory / "training.csv");
  constexpr std::size_t loss = 1, score = 4;
  write_text(loss_plot(column(training, loss)), directory / "loss.svg");
  write_text(score_plot(column(training, score)), directory / "score.svg");
  write_text(saliency_plot(rows_of(directory / "saliency.csv")), directory / "saliency.svg");
}

}  // namespace metserve::models
