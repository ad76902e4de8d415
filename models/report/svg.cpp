#include "models/report/svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/text.h"

namespace metserve::models {
namespace {

constexpr double width = 460, height = 340;                     // of the whole picture, pixels
constexpr double left = 60, right = 16, top = 34, bottom = 56;  // margins
constexpr double inner_width = width - left - right, inner_height = height - top - bottom;

/// Okabe and Ito's colours, which the colour-blind can tell apart.
const char* colour_of(std::size_t number) {
  constexpr std::array<const char*, 7> palette{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#000000"};
  return palette[number % palette.size()];
}

double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  return std::lerp(sorted[below], sorted[std::min(below + 1, sorted.size() - 1)],
                   position - std::floor(position));
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

Plot::Plot(const std::string& title, const Axis& x, const Axis& y) : title_(title), x_(x), y_(y) {}

double Plot::column(double x) const {
  return left + inner_width * std::clamp((x - x_.from) / (x_.to - x_.from), 0.0, 1.0);
}

double Plot::row(double y) const {
  return top + inner_height * (1 - std::clamp((y - y_.from) / (y_.to - y_.from), 0.0, 1.0));
}

void Plot::line(const std::vector<PlotPoint>& points, std::size_t colour, const std::string& name) {
  std::string places;
  for (const PlotPoint& point : points) places += formatted("%.1f,%.1f ", column(point.x), row(point.y));
  body_ += formatted("<polyline fill='none' stroke='%s' stroke-width='1.6' points='%s'/>\n",
                     colour_of(colour), places.c_str());
  if (name.empty()) return;
  const double y = height - bottom - 10 - 14 * legend_lines_++;
  legend_ += formatted("<text x='%.0f' y='%.0f' text-anchor='end' fill='%s'>%s</text>\n", width - right - 6,
                       y, colour_of(colour), escaped(name).c_str());
}

void Plot::band(const std::vector<PlotPoint>& low, const std::vector<PlotPoint>& high, std::size_t colour) {
  std::string places;
  for (const PlotPoint& point : low) places += formatted("%.1f,%.1f ", column(point.x), row(point.y));
  for (auto point = high.rbegin(); point != high.rend(); ++point)
    places += formatted("%.1f,%.1f ", column(point->x), row(point->y));
  body_ +=
      formatted("<polygon fill='%s' fill-opacity='0.2' points='%s'/>\n", colour_of(colour), places.c_str());
}

void Plot::box(double x, double box_width, std::vector<double> values, std::size_t colour) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const double low = quantile(values, 0.25), middle = quantile(values, 0.5), high = quantile(values, 0.75);
  const double reach = 1.5 * (high - low);
  double first = low, last = high;
  for (double value : values) {
    const bool outside = value < low - reach || value > high + reach;
    if (outside) {
      body_ += formatted("<circle cx='%.1f' cy='%.1f' r='2' fill='%s'/>\n", column(x), row(value),
                         colour_of(colour));
    } else {
      first = std::min(first, value);
      last = std::max(last, value);
    }
  }
  whisker(x, first, last);
  const double begin = column(x - box_width / 2), end = column(x + box_width / 2);
  body_ += formatted(
      "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='white' stroke='%s' stroke-width='1.4'/>\n",
      begin, row(high), end - begin, row(low) - row(high), colour_of(colour));
  body_ += formatted("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='%s' stroke-width='2'/>\n", begin,
                     end, row(middle), row(middle), colour_of(colour));
}

void Plot::bar(double x, double bar_width, double value, std::size_t colour) {
  const double begin = column(x - bar_width / 2), end = column(x + bar_width / 2);
  body_ += formatted("<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>\n", begin, row(value),
                     end - begin, row(y_.from) - row(value), colour_of(colour));
}

void Plot::whisker(double x, double low, double high) {
  body_ += formatted("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#333'/>\n", column(x), column(x),
                     row(low), row(high));
}

void Plot::name_at(double x, const std::string& name) {
  named_ = true;
  body_ += formatted("<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n", column(x),
                     height - bottom + 16, escaped(name).c_str());
}

std::string Plot::svg() const {
  std::string text = formatted(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f' "
      "font-family='sans-serif' font-size='11'>\n<rect width='100%%' height='100%%' fill='white'/>\n"
      "<text x='%.0f' y='20' font-size='13' text-anchor='middle'>%s</text>\n",
      width, height, width, height, width / 2, escaped(title_).c_str());
  for (int i = 0; i <= y_.ticks; ++i) {
    const double value = y_.from + (y_.to - y_.from) * i / y_.ticks;
    text += formatted("<line x1='%.0f' x2='%.0f' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n", left, width - right,
                      row(value), row(value));
    text +=
        formatted("<text x='%.0f' y='%.1f' text-anchor='end'>%g</text>\n", left - 6, row(value) + 4, value);
  }
  for (int i = 0; i <= x_.ticks && !named_; ++i) {
    const double value = x_.from + (x_.to - x_.from) * i / x_.ticks;
    text += formatted("<text x='%.1f' y='%.0f' text-anchor='middle'>%g</text>\n", column(value),
                      height - bottom + 16, value);
  }
  text += formatted("<text x='%.0f' y='%.0f' text-anchor='middle'>%s</text>\n", left + inner_width / 2,
                    height - 14, escaped(x_.label).c_str());
  text += formatted("<text transform='translate(16 %.0f) rotate(-90)' text-anchor='middle'>%s</text>\n",
                    top + inner_height / 2, escaped(y_.label).c_str());
  text += body_ + legend_;
  return text +
         formatted("<rect x='%.0f' y='%.0f' width='%.0f' height='%.0f' fill='none' stroke='#333'/>\n</svg>\n",
                   left, top, inner_width, inner_height);
}

}  // namespace metserve::models
