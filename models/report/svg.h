#pragma once

#include <string>
#include <vector>

namespace metserve::models {

/// One axis of a plot. A logarithmic axis is not needed: the papers' are linear.
struct Axis {
  std::string label;
  double from = 0;
  double to = 1;
  int ticks = 5;  ///< intervals, >= 1
};

struct PlotPoint {
  double x = 0;
  double y = 0;
};

/// A plot as an SVG element of its own (W3C SVG 1.1), to stand in a file or in HTML. Values outside the axes
/// are drawn at their ends. Draws in the order of the calls.
class Plot {
 public:
  Plot(const std::string& title, const Axis& x, const Axis& y);

  /// `colour` counts through the palette; a name goes into the legend.
  void line(const std::vector<PlotPoint>& points, std::size_t colour, const std::string& name = "");
  /// The area between two lines of the same x.
  void band(const std::vector<PlotPoint>& low, const std::vector<PlotPoint>& high, std::size_t colour);
  /// Quartiles, median, whiskers to the last value within 1.5 interquartile ranges, the rest as dots (Tukey).
  void box(double x, double width, std::vector<double> values, std::size_t colour);
  void bar(double x, double width, double value, std::size_t colour);
  /// A vertical line from `low` to `high`, for an interval.
  void whisker(double x, double low, double high);
  /// Below the x axis, in place of a number.
  void name_at(double x, const std::string& name);

  std::string svg() const;

 private:
  double column(double x) const;
  double row(double y) const;

  std::string title_;
  Axis x_, y_;
  std::string body_, legend_;
  int legend_lines_ = 0;
  bool named_ = false;
};

/// Characters that HTML and SVG give a meaning to, replaced.
std::string escaped(const std::string& text);

}  // namespace metserve::models
