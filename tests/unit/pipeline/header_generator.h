#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dicom/study.h"
#include "models/slots.h"

namespace metserve::pipeline::test {

/// How far headers are from what they should be. Shares 0..1 of the series that each befalls.
struct HeaderFaults {
  double missing_attribute = 0;   ///< one of the physical attributes is absent
  double wrong_description = 0;   ///< the description is that of another series of the study
  double silent_on_contrast = 0;  ///< neither words nor agent
  double agent_everywhere = 0;    ///< of the studies: the agent was entered for the whole examination
  double timing_spread = 0.1;     ///< relative, of TR, TE and TI
};

struct GeneratedSeries {
  dicom::SeriesHeader header;
  std::optional<models::Slot> truth;
};

/// Examinations as six lines of scanners write them: Siemens classic and XA, GE, Philips classic and
/// enhanced, Canon, with contrast named in fifteen ways, and with T2, diffusion, angiography, susceptibility
/// and localizers around our four. Deterministic for a seed.
class HeaderGenerator {
 public:
  HeaderGenerator(std::uint32_t seed, const HeaderFaults& faults) : random_(seed), faults_(faults) {}

  /// One examination in the order of its acquisition.
  std::vector<GeneratedSeries> examination();

 private:
  bool happens(double share);
  double spread(double value);
  std::size_t below(std::size_t count);
  void disturb(std::vector<GeneratedSeries>& series);
  void lose_an_attribute(dicom::SeriesHeader& header);

  std::mt19937 random_;
  HeaderFaults faults_;
};

/// The same header as another system would store it: components in another order, other case of words.
dicom::SeriesHeader rewritten(dicom::SeriesHeader header, std::mt19937& random);

}  // namespace metserve::pipeline::test
