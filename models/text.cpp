#include "models/text.h"

#include <cstdarg>
#include <cstdio>
#include <fstream>

#include "models/error.h"

namespace metserve::models {

std::string formatted(const char* format, ...) {
  std::va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, format, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  va_end(arguments);
  return text;
}

void write_text(const std::string& text, const std::filesystem::path& file) {
  std::filesystem::path partial = file;
  partial += ".part";
  std::ofstream stream(partial, std::ios::trunc);
  stream << text;
  std::error_code failure;
  if (stream.flush()) std::filesystem::rename(partial, file, failure);
  if (!stream || failure) throw Error(Error::Kind::io, file.string() + ": cannot be written");
}

}  // namespace metserve::models
