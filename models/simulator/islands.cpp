#include "models/simulator/islands.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "models/components.h"
#include "models/simulator/tissue.h"

namespace metserve::models::simulator {
namespace {

constexpr double largest_island_mm3 = 100;

/// How often the voxels of a part touch each tissue, by face, edge or corner.
using Contacts = std::array<std::int64_t, tissue_count>;

std::vector<Contacts> contacts_of(const Components& parts, const torch::Tensor& tissue) {
  const auto number = parts.labels.accessor<std::int32_t, 3>();
  const auto code = tissue.accessor<std::uint8_t, 3>();
  const auto places = parts.places.accessor<std::int64_t, 1>();
  const auto part = parts.part.accessor<std::int64_t, 1>();
  const std::int64_t slices = tissue.size(0), rows = tissue.size(1), columns = tissue.size(2);
  std::vector<Contacts> contacts(parts.voxels.size(), Contacts{});
  for (std::int64_t i = 0; i < parts.places.size(0); ++i) {
    const std::int64_t column = places[i] % columns, row = places[i] / columns % rows,
                       slice = places[i] / (rows * columns);
    Contacts& own = contacts[static_cast<std::size_t>(part[i])];
    for (std::int64_t z = std::max<std::int64_t>(0, slice - 1); z <= std::min(slices - 1, slice + 1); ++z)
      for (std::int64_t y = std::max<std::int64_t>(0, row - 1); y <= std::min(rows - 1, row + 1); ++y)
        for (std::int64_t x = std::max<std::int64_t>(0, column - 1); x <= std::min(columns - 1, column + 1);
             ++x)
          if (number[z][y][x] == 0) ++own[code[z][y][x]];
  }
  return contacts;
}

bool anywhere(const Contacts&) {
  return true;
}

std::int64_t contacts_with(const Contacts& contacts, bool (*wanted)(Tissue)) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < contacts.size(); ++i)
    if (wanted(static_cast<Tissue>(i))) count += contacts[i];
  return count;
}

bool mostly(const Contacts& contacts, bool (*wanted)(Tissue)) {
  return 2 * contacts_with(contacts, wanted) > contacts_with(contacts, [](Tissue) { return true; });
}

bool within_brain(const Contacts& contacts) {
  return mostly(contacts, [](Tissue one) {
    return is_brain(one) || one == Tissue::ventricle || one == Tissue::choroid;
  });
}

bool within_skull(const Contacts& contacts) {
  return mostly(contacts, [](Tissue one) {
    return is_brain(one) || one == Tissue::ventricle || one == Tissue::choroid || one == Tissue::csf;
  });
}

/// `tissue` is on the CPU. The small parts of `kind` that `mistaken` says are none become their surroundings.
void absorb(torch::Tensor& tissue, std::initializer_list<Tissue> kind, double voxel_mm3,
            bool (*mistaken)(const Contacts&)) {
  const Components parts = label_components(any_of(tissue, kind));
  const std::vector<Contacts> contacts = contacts_of(parts, tissue);
  const auto places = parts.places.accessor<std::int64_t, 1>();
  const auto part = parts.part.accessor<std::int64_t, 1>();
  auto* codes = tissue.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < parts.places.size(0); ++i) {
    const auto own = static_cast<std::size_t>(part[i]);
    if (static_cast<double>(parts.voxels[own]) * voxel_mm3 >= largest_island_mm3 || !mistaken(contacts[own]))
      continue;
    const auto most = std::max_element(contacts[own].begin(), contacts[own].end());
    codes[places[i]] = static_cast<std::uint8_t>(most - contacts[own].begin());
  }
}

}  // namespace

void remove_islands(torch::Tensor& tissue, double spacing_mm) {
  const double voxel_mm3 = spacing_mm * spacing_mm * spacing_mm;
  torch::Tensor host = tissue.cpu().contiguous();
  absorb(host, {Tissue::choroid}, voxel_mm3, anywhere);
  absorb(host, {Tissue::artery, Tissue::vein}, voxel_mm3, within_brain);
  absorb(host, {Tissue::cortical_bone, Tissue::marrow, Tissue::mucosa, Tissue::muscle, Tissue::skin},
         voxel_mm3, within_skull);
  tissue.copy_(host);
}

}  // namespace metserve::models::simulator
