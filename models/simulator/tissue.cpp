#include "models/simulator/tissue.h"

#include <algorithm>
#include <utility>

#include <torch/types.h>

namespace metserve::models::simulator {
namespace {

struct LabelOf {
  std::int64_t label;
  Tissue tissue;
};

constexpr LabelOf labels_known[] = {
    {2, Tissue::white_matter},
    {41, Tissue::white_matter},
    {3, Tissue::cortex},
    {42, Tissue::cortex},
    {17, Tissue::cortex},
    {53, Tissue::cortex},
    {18, Tissue::cortex},
    {54, Tissue::cortex},
    {11, Tissue::deep_gray},
    {50, Tissue::deep_gray},
    {12, Tissue::deep_gray},
    {51, Tissue::deep_gray},
    {26, Tissue::deep_gray},
    {58, Tissue::deep_gray},
    {10, Tissue::thalamus},
    {49, Tissue::thalamus},
    {28, Tissue::thalamus},
    {60, Tissue::thalamus},
    {13, Tissue::pallidum},
    {52, Tissue::pallidum},
    {7, Tissue::cerebellar_white},
    {46, Tissue::cerebellar_white},
    {8, Tissue::cerebellar_cortex},
    {47, Tissue::cerebellar_cortex},
    {16, Tissue::brainstem},
    {24, Tissue::csf},
    {30, Tissue::csf},
    {62, Tissue::csf},
    {4, Tissue::ventricle},
    {43, Tissue::ventricle},
    {5, Tissue::ventricle},
    {44, Tissue::ventricle},
    {14, Tissue::ventricle},
    {15, Tissue::ventricle},
    {72, Tissue::ventricle},
    {25, Tissue::white_lesion},
    {57, Tissue::white_lesion},
    {77, Tissue::white_lesion},
    {78, Tissue::white_lesion},
    {79, Tissue::white_lesion},
    {251, Tissue::white_matter},
    {252, Tissue::white_matter},
    {253, Tissue::white_matter},
    {254, Tissue::white_matter},
    {255, Tissue::white_matter},
    {31, Tissue::choroid},
    {63, Tissue::choroid},
    {136, Tissue::choroid},
    {137, Tissue::choroid},
    {163, Tissue::choroid},
    {164, Tissue::choroid},
    {502, Tissue::artery},
    {514, Tissue::vein},
    {506, Tissue::eye},
    {507, Tissue::muscle},
    {508, Tissue::muscle},
    {511, Tissue::skin},
    {509, Tissue::mucosa},
    {515, Tissue::cortical_bone},
    {516, Tissue::marrow},
    {512, Tissue::cord},
    {530, Tissue::optic_nerve},
    {85, Tissue::optic_nerve},
};

/// T1 and T2 at 1.5 and 3 T in ms, proton density, and what magnetisation transfer leaves.
struct Literature {
  Tissue tissue;
  double t1_15, t1_30, t2_15, t2_30, proton_density, magnetisation_transfer;
};

constexpr Literature literature[] = {
    {Tissue::white_matter, 650, 900, 78, 74, 0.70, 0.80},
    {Tissue::cortex, 1080, 1450, 100, 99, 0.82, 0.90},
    {Tissue::deep_gray, 980, 1320, 88, 84, 0.82, 0.88},
    {Tissue::thalamus, 860, 1160, 85, 80, 0.79, 0.86},
    {Tissue::pallidum, 800, 1060, 72, 62, 0.74, 0.84},
    {Tissue::cerebellar_white, 680, 940, 80, 76, 0.71, 0.81},
    {Tissue::cerebellar_cortex, 1060, 1420, 98, 97, 0.82, 0.90},
    {Tissue::brainstem, 760, 1030, 82, 78, 0.73, 0.83},
    {Tissue::csf, 3300, 3300, 700, 503, 1.00, 1.00},
    {Tissue::ventricle, 3300, 3300, 900, 600, 1.00, 1.00},
    {Tissue::white_lesion, 850, 1150, 140, 130, 0.80, 0.90},
    {Tissue::choroid, 1300, 1700, 150, 140, 0.88, 0.97},
    {Tissue::artery, 1450, 1932, 275, 275, 0.86, 1.00},
    {Tissue::vein, 1450, 1932, 200, 160, 0.86, 1.00},
    {Tissue::eye, 3400, 3600, 900, 700, 1.00, 1.00},
    {Tissue::muscle, 1010, 1412, 44, 45, 0.74, 0.78},
    {Tissue::skin, 800, 1000, 40, 36, 0.50, 0.85},
    {Tissue::mucosa, 1150, 1500, 90, 80, 0.82, 0.95},
    {Tissue::cortical_bone, 500, 600, 12, 10, 0.10, 1.00},
    {Tissue::marrow, 480, 560, 60, 55, 0.42, 0.95},
    {Tissue::cord, 800, 1060, 80, 76, 0.72, 0.83},
    {Tissue::optic_nerve, 850, 1120, 80, 76, 0.72, 0.84},
    {Tissue::fat, 290, 371, 110, 120, 0.90, 1.00},
    {Tissue::dura, 900, 1150, 50, 45, 0.60, 0.90},
    {Tissue::pituitary, 900, 1200, 85, 80, 0.82, 0.92},
    {Tissue::cortical_vessel, 1450, 1932, 200, 160, 0.86, 1.00},
};

void add_contrast_agent(TissueTable& table, Random& random) {
  const auto set = [&](Tissue tissue, double gadolinium_mm) {
    table[index(tissue)].gadolinium_mm = gadolinium_mm;
  };
  const double blood_mm = random.uniform(0.6, 1.3);
  for (Tissue tissue : {Tissue::artery, Tissue::vein, Tissue::cortical_vessel}) set(tissue, blood_mm);
  for (Tissue tissue : {Tissue::cortex, Tissue::deep_gray, Tissue::thalamus, Tissue::cerebellar_cortex})
    set(tissue, 0.02 * blood_mm);
  for (Tissue tissue : {Tissue::white_matter, Tissue::cerebellar_white, Tissue::brainstem, Tissue::pallidum})
    set(tissue, 0.008 * blood_mm);
  set(Tissue::dura, random.uniform(0.25, 1.0));
  set(Tissue::choroid, random.uniform(0.3, 0.8));
  set(Tissue::mucosa, random.uniform(0.3, 0.9));
  set(Tissue::pituitary, random.uniform(0.5, 1.0));
  set(Tissue::muscle, random.uniform(0.04, 0.12));
  set(Tissue::skin, random.uniform(0.05, 0.25));
  set(Tissue::marrow, random.uniform(0.0, 0.1));
}

}  // namespace

bool is_brain(Tissue tissue) {
  switch (tissue) {
    case Tissue::white_matter:
    case Tissue::cortex:
    case Tissue::deep_gray:
    case Tissue::thalamus:
    case Tissue::pallidum:
    case Tissue::cerebellar_white:
    case Tissue::cerebellar_cortex:
    case Tissue::brainstem:
    case Tissue::white_lesion:
      return true;
    default:
      return false;
  }
}

TissueTable draw_tissues(double field_strength_t, Random& random) {
  TissueTable table;
  table[index(Tissue::air)] = {.t1_ms = 1000, .t2_ms = 10, .proton_density = 0};
  const double t1_of_patient = random.uniform(0.93, 1.07);
  for (const Literature& entry : literature) {
    TissueProperties& properties = table[index(entry.tissue)];
    const double weight_30 = std::clamp((field_strength_t - 1.5) / 1.5, 0.0, 1.0);
    const auto between = [&](double at_15, double at_30) { return at_15 + weight_30 * (at_30 - at_15); };
    properties.t1_ms = between(entry.t1_15, entry.t1_30) * t1_of_patient * random.uniform(0.95, 1.05);
    properties.t2_ms = between(entry.t2_15, entry.t2_30) * random.uniform(0.93, 1.07);
    properties.proton_density = std::min(1.0, entry.proton_density * random.uniform(0.97, 1.03));
    properties.magnetisation_transfer =
        std::min(1.0, entry.magnetisation_transfer * random.uniform(0.96, 1.04));
  }
  // Cerebrospinal fluid is seen at its effective T1 of about 3.2 s, which FLAIR's inversion time nulls.
  for (Tissue tissue : {Tissue::csf, Tissue::ventricle})
    table[index(tissue)].t1_ms = random.uniform(3050, 3400);
  table[index(Tissue::fat)].fat = 1;
  table[index(Tissue::marrow)].fat = 0.7;
  table[index(Tissue::artery)].flow_spin_echo = random.uniform(0.05, 0.25);
  table[index(Tissue::vein)].flow_spin_echo = random.uniform(0.1, 0.5);
  table[index(Tissue::cortical_vessel)].flow_spin_echo = random.uniform(0.2, 0.6);
  add_contrast_agent(table, random);
  return table;
}

torch::Tensor tissues_of_labels(const torch::Tensor& labels) {
  constexpr std::int64_t label_limit = 1024;
  torch::Tensor table = torch::zeros({label_limit}, torch::kUInt8);
  for (const LabelOf& known : labels_known) table[known.label] = static_cast<std::int64_t>(known.tissue);
  const torch::Tensor codes = labels.to(torch::kInt64).flatten();
  const torch::Tensor known = torch::where(codes.lt(label_limit).logical_and(codes.ge(0)), codes, 0);
  return table.to(labels.device()).index_select(0, known).view(labels.sizes());
}

torch::Tensor any_of(const torch::Tensor& tissue, std::initializer_list<Tissue> wanted) {
  torch::Tensor table = torch::zeros({256}, torch::kBool);
  for (Tissue one : wanted) table[static_cast<std::int64_t>(one)] = true;
  return table.to(tissue.device()).index_select(0, tissue.flatten().to(torch::kInt32)).view(tissue.sizes());
}

}  // namespace metserve::models::simulator
