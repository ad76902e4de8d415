#include <algorithm>
#include <array>
#include <random>

#include "tests/catch.h"
#include "tests/unit/pipeline/header_fixtures.h"
#include "tests/unit/pipeline/header_generator.h"

namespace metserve::pipeline {
namespace {

using namespace test;

std::vector<dicom::SeriesHeader> headers_of(const std::vector<GeneratedSeries>& series) {
  std::vector<dicom::SeriesHeader> headers;
  for (const GeneratedSeries& one : series) headers.push_back(one.header);
  return headers;
}

std::string wanted(const GeneratedSeries& one) {
  return one.truth ? "used " + std::string(models::id(*one.truth)) : "rejected -";
}

std::string written(const dicom::SeriesHeader& header) {
  return header.manufacturer + " '" + header.series_description + "' TE " +
         std::to_string(header.te_ms.value_or(0));
}

TEST_CASE("examinations of every maker in every language are recognised", "[pipeline][match][property]") {
  HeaderGenerator generator(1, {});
  for (int n = 0; n < 400; ++n) {
    const auto series = generator.examination();
    const StudyMatch m = match(headers_of(series));
    for (std::size_t i = 0; i < series.size(); ++i) {
      CAPTURE(written(series[i].header), m.series[i].reasons);
      CHECK(outcome(m.series[i]) == wanted(series[i]));
      if (m.series[i].decision == Decision::used) CHECK(m.series[i].confidence >= 0.8);
    }
  }
}

TEST_CASE("order of components, case and marks of sequence names never change a decision",
          "[pipeline][match][property]") {
  HeaderFaults faults;
  faults.missing_attribute = faults.wrong_description = faults.silent_on_contrast = 0.2;
  HeaderGenerator generator(2, faults);
  std::mt19937 random(3);
  for (int n = 0; n < 400; ++n) {
    const auto headers = headers_of(generator.examination());
    std::vector<dicom::SeriesHeader> others;
    for (const dicom::SeriesHeader& header : headers) others.push_back(rewritten(header, random));
    const StudyMatch a = match(headers), b = match(others);
    for (std::size_t i = 0; i < headers.size(); ++i) {
      CAPTURE(written(headers[i]), written(others[i]), a.series[i].reasons, b.series[i].reasons);
      CHECK(outcome(a.series[i]) == outcome(b.series[i]));
      CHECK(a.series[i].confidence == b.series[i].confidence);
    }
  }
}

TEST_CASE("the order in which series are listed never changes a decision", "[pipeline][match][property]") {
  HeaderFaults faults;
  faults.missing_attribute = faults.silent_on_contrast = 0.2;
  HeaderGenerator generator(4, faults);
  for (int n = 0; n < 300; ++n) {
    auto headers = headers_of(generator.examination());
    const StudyMatch forward = match(headers);
    std::reverse(headers.begin(), headers.end());
    const StudyMatch backward = match(headers);
    for (std::size_t i = 0; i < headers.size(); ++i) {
      CAPTURE(written(headers[i]));
      CHECK(outcome(forward.series[headers.size() - 1 - i]) == outcome(backward.series[i]));
    }
  }
}

/// Decisions made with a confidence of at least `low`, and how many of them were right.
struct Bin {
  double low, high;
  int decided = 0, right = 0;
};

TEST_CASE("confidence is what it says on disturbed headers", "[pipeline][match][property]") {
  HeaderFaults faults;
  faults.missing_attribute = 0.15;
  faults.wrong_description = 0.1;  // as published audits find
  faults.silent_on_contrast = 0.2;
  faults.agent_everywhere = 0.1;
  HeaderGenerator generator(5, faults);
  std::array<Bin, 3> bins{Bin{0.5, 0.8}, {0.8, 0.9}, {0.9, 1.01}};
  int wanted_series = 0, found = 0;
  for (int n = 0; n < 2000; ++n) {
    const auto series = generator.examination();
    const StudyMatch m = match(headers_of(series));
    for (std::size_t i = 0; i < series.size(); ++i) {
      wanted_series += series[i].truth ? 1 : 0;
      if (m.series[i].decision != Decision::used) continue;
      const bool right = m.series[i].slot == series[i].truth;
      found += right ? 1 : 0;
      for (Bin& bin : bins)
        if (m.series[i].confidence >= bin.low && m.series[i].confidence < bin.high) {
          ++bin.decided;
          bin.right += right ? 1 : 0;
        }
    }
  }
  for (const Bin& bin : bins) {
    INFO("confidence " << bin.low << ": " << bin.right << " of " << bin.decided << " right; " << found
                       << " of " << wanted_series << " wanted series found");
    CHECK(bin.decided > 100);
    CHECK(bin.right >= bin.low * bin.decided);
  }
  INFO(found << " of " << wanted_series << " wanted series found");
  CHECK(found >= 0.7 * wanted_series);
}

}  // namespace
}  // namespace metserve::pipeline
