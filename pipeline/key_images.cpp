#include "pipeline/key_images.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "pipeline/preview_canvas.h"
#include "pipeline/preview_tile.h"

namespace metserve::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int picture_edge = 768;  // of a picture's slice, pixels
constexpr int strip = 40;
constexpr int line_height = 18;  // of small text, double size
constexpr std::size_t line_letters = (picture_edge - 24) / (2 * glyph_width);

dicom::Picture picture_of(const Canvas& canvas, std::string title, std::optional<std::size_t> slice) {
  dicom::Picture picture{static_cast<std::size_t>(canvas.width),
                         static_cast<std::size_t>(canvas.height),
                         {},
                         slice,
                         std::move(title)};
  picture.rgb.reserve(canvas.pixels.size() * 3);
  for (const Colour& pixel : canvas.pixels) picture.rgb.insert(picture.rgb.end(), pixel.begin(), pixel.end());
  return picture;
}

void draw_banner(Canvas& canvas, const std::string& heading) {
  draw_text(canvas, heading, 12, 12, 2, white);
  draw_text(canvas, not_approved, 12, canvas.height - strip + 12, 2, amber);
}

std::string file_name(std::size_t number) {
  std::array<char, 24> name{};
  std::snprintf(name.data(), name.size(), "key_%02zu.dcm", number);
  return name.data();
}

void append_lines(const std::string& sentence, std::vector<std::string>& lines) {
  for (std::string& line : wrapped(sentence, line_letters)) lines.push_back(std::move(line));
}

std::vector<std::string> lesion_lines(const StudyResult& result, std::size_t most) {
  std::vector<std::string> lines;
  for (const Lesion& lesion : result.lesions.lesions) {
    if (lines.size() == most) {
      lines.push_back("and " + std::to_string(result.lesions.lesions.size() - most) + " more");
      break;
    }
    std::array<char, 100> text{};
    std::snprintf(text.data(), text.size(), "%3d  %9.1f mm3  %5.1f mm  probability %.2f  ", lesion.number,
                  lesion.volume_mm3, lesion.longest_diameter_mm, lesion.mean_probability);
    lines.push_back(text.data() + (lesion.history ? lesion.history->change : std::string()));
  }
  return lines;
}

/// One page: what was found, what it was made from, what to beware of.
Canvas summary(const StudyResult& result) {
  constexpr std::size_t most_lines = (picture_edge - 30) / line_height;
  std::vector<std::string> lines;
  for (const std::string& text : result.sequences_used) append_lines("Used: " + text, lines);
  for (const std::string& text : result.sequences_left_out) append_lines("Left out: " + text, lines);
  for (const std::string& text : result.warnings) append_lines("Warning: " + text, lines);
  append_lines("MetServe " METSERVE_VERSION ", model " + result.model.name + " " + result.model.version,
               lines);
  if (result.follow_up)
    for (const ResolvedLesion& lesion : result.follow_up->resolved)
      append_lines("Resolved: " + lesion.name, lines);
  // Lesions first: what there is no room for is in the report.
  std::vector<std::string> page = lesion_lines(result, most_lines / 2);
  page.emplace_back();
  for (const std::string& text : lines)
    if (page.size() < most_lines) page.push_back(text);
  Canvas canvas(picture_edge, picture_edge + 2 * strip);
  draw_banner(canvas, one_line_summary(result));
  for (std::size_t n = 0; n < page.size(); ++n)
    draw_text(canvas, page[n], 12, strip + 15 + static_cast<int>(n) * line_height, 2, white);
  return canvas;
}

}  // namespace

std::vector<std::string> wrapped(std::string sentence, std::size_t letters) {
  std::vector<std::string> lines;
  while (sentence.size() > letters) {
    std::size_t end = sentence.rfind(' ', letters);
    if (end == std::string::npos || end < letters / 2) end = letters;
    lines.push_back(sentence.substr(0, end));
    sentence = "  " + sentence.substr(std::min(sentence.find_first_not_of(' ', end), sentence.size()));
  }
  lines.push_back(std::move(sentence));
  return lines;
}

std::vector<dicom::Picture> key_pictures(const StudyResult& result) {
  std::vector<dicom::Picture> pictures{picture_of(summary(result), "summary", std::nullopt)};
  const Window window = window_of(result.reference.volume.voxels);
  for (const std::size_t slice : key_slices(result, most_key_slices)) {
    Canvas canvas(picture_edge, picture_edge + 2 * strip);
    const std::string& title = result.reference.slices[slice].title;
    Tile(result, {slice, 0, strip, picture_edge}).draw(canvas, window);
    draw_banner(canvas, title + ", " + one_line_summary(result));
    pictures.push_back(picture_of(canvas, title, slice));
  }
  return pictures;
}

void remove_key_images(const fs::path& directory) {
  for (std::size_t number = 1; number <= 1 + most_key_slices; ++number)
    fs::remove(directory / file_name(number));
}

std::vector<fs::path> write_key_images(const StudyResult& result, const dicom::ResultContext& context,
                                       const fs::path& directory) {
  std::vector<fs::path> files;
  for (const dicom::Picture& picture : key_pictures(result)) {
    files.push_back(directory / file_name(files.size() + 1));
    dicom::write_key_image(context, picture, static_cast<int>(files.size()), files.back());
  }
  return files;
}

}  // namespace metserve::pipeline
