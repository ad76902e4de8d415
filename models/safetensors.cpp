#include "models/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>
#include <unistd.h>

#include "models/error.h"

namespace metserve::models {
namespace {

using json = nlohmann::json;
static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::uint64_t max_header = 100'000'000;

constexpr std::array<std::pair<const char*, torch::ScalarType>, 9> dtypes{{{"F64", torch::kFloat64},
                                                                           {"F32", torch::kFloat32},
                                                                           {"F16", torch::kFloat16},
                                                                           {"BF16", torch::kBFloat16},
                                                                           {"I64", torch::kInt64},
                                                                           {"I32", torch::kInt32},
                                                                           {"I16", torch::kInt16},
                                                                           {"I8", torch::kInt8},
                                                                           {"U8", torch::kUInt8}}};

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(Error::Kind::bad_input, file.string() + ": " + what);
}

torch::ScalarType dtype_of(const std::string& name, const std::filesystem::path& file,
                           const std::string& key) {
  for (const auto& [known, type] : dtypes)
    if (name == known) return type;
  refuse(file, "tensor '" + key + "' has the unsupported type '" + name + "'");
}

std::string name_of(torch::ScalarType type, const std::string& key) {
  for (const auto& [name, known] : dtypes)
    if (type == known) return name;
  throw Error(Error::Kind::bad_input, "tensor '" + key + "' has a type that safetensors cannot hold");
}

struct Entry {
  std::string key;
  torch::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

/// Sizes and offsets are whole numbers; what else JSON has would be converted without a word.
std::uint64_t whole_number(const json& value, const std::filesystem::path& file, const std::string& key) {
  if (!value.is_number_unsigned())
    refuse(file, "tensor '" + key + "' has a shape or offsets that are no whole numbers: " + value.dump());
  return value.get<std::uint64_t>();
}

Entry parse_entry(const std::string& key, const json& value, const std::filesystem::path& file) {
  const json& offsets = value.at("data_offsets");
  Entry entry{key,
              dtype_of(value.at("dtype").get<std::string>(), file, key),
              {},
              whole_number(offsets.at(0), file, key),
              whole_number(offsets.at(1), file, key)};
  std::uint64_t bytes = c10::elementSize(entry.dtype);
  for (const json& size : value.at("shape").get<std::vector<json>>()) {
    const std::uint64_t whole = whole_number(size, file, key);
    if (whole > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        __builtin_mul_overflow(bytes, whole, &bytes))
      refuse(file, "tensor '" + key + "' has an impossible shape");
    entry.shape.push_back(static_cast<std::int64_t>(whole));
  }
  if (entry.begin > entry.end || entry.end - entry.begin != bytes)
    refuse(file, "tensor '" + key + "' does not have the bytes of its shape");
  return entry;
}

std::vector<Entry> parse_header(const json& header, std::uint64_t data_bytes,
                                const std::filesystem::path& file) {
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items())
    if (key != "__metadata__") entries.push_back(parse_entry(key, value, file));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t previous_end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin < previous_end) refuse(file, "tensor '" + entry.key + "' overlaps another");
    if (entry.end > data_bytes) refuse(file, "the file is truncated in tensor '" + entry.key + "'");
    previous_end = entry.end;
  }
  return entries;
}

/// Little-endian length, then that many bytes of JSON. Returns the header and where the data begins.
std::pair<json, std::uint64_t> read_header(const std::filesystem::path& file, std::uint64_t file_bytes) {
  std::ifstream stream(file, std::ios::binary);
  std::uint64_t length = 0;
  stream.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!stream || length > std::min(max_header, file_bytes - sizeof length))
    refuse(file, "not a safetensors file, or truncated in the header");
  std::string text(length, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(length));
  if (!stream) refuse(file, "truncated in the header");
  try {
    return {json::parse(text), sizeof length + length};
  } catch (const json::exception&) {
    refuse(file, "the header is not JSON");
  }
}

/// Tensor data that is aligned to its type is a view of the mapped file, otherwise a copy.
torch::Tensor tensor_at(const torch::Tensor& mapped, const Entry& entry, std::uint64_t data_begin) {
  if (entry.begin == entry.end) return torch::empty(entry.shape, entry.dtype);
  torch::Tensor bytes = mapped.slice(0, static_cast<std::int64_t>(data_begin + entry.begin),
                                     static_cast<std::int64_t>(data_begin + entry.end));
  if (bytes.storage_offset() % static_cast<std::int64_t>(c10::elementSize(entry.dtype)) != 0)
    bytes = bytes.clone();
  return bytes.view(entry.dtype).view(entry.shape);
}

json header_of(const Safetensors& contents) {
  json header = json::object();
  if (!contents.metadata.empty()) header["__metadata__"] = contents.metadata;
  std::uint64_t offset = 0;
  for (const auto& [key, tensor] : contents.tensors) {
    const std::uint64_t end = offset + tensor.nbytes();
    header[key] = {{"dtype", name_of(tensor.scalar_type(), key)},
                   {"shape", tensor.sizes().vec()},
                   {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

/// A rename is only as durable as what it renames.
void sync_file(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    if (descriptor >= 0) ::close(descriptor);
    throw Error(Error::Kind::io, file.string() + ": cannot be written to the disk");
  }
  ::close(descriptor);
}

}  // namespace

const torch::Tensor& Safetensors::get(const std::string& name, torch::ScalarType dtype,
                                      const std::vector<std::int64_t>& shape) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(Error::Kind::bad_input, "tensor '" + name + "' is missing");
  const torch::Tensor& tensor = found->second;
  if (tensor.scalar_type() != dtype)
    throw Error(Error::Kind::bad_input, "tensor '" + name + "' is " + c10::toString(tensor.scalar_type()) +
                                            ", expected " + c10::toString(dtype));
  bool fits = tensor.dim() == static_cast<std::int64_t>(shape.size());
  for (std::size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] < 0 || tensor.size(static_cast<std::int64_t>(i)) == shape[i];
  if (!fits)
    throw Error(Error::Kind::bad_input, "tensor '" + name + "' has the shape " +
                                            json(tensor.sizes().vec()).dump() + ", expected " +
                                            json(shape).dump());
  return tensor;
}

const std::string& Safetensors::meta(const std::string& key) const {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw Error(Error::Kind::bad_input, "metadata '" + key + "' is missing");
  return found->second;
}

Safetensors read_safetensors(const std::filesystem::path& file) {
  std::error_code failure;
  const std::uint64_t bytes = std::filesystem::file_size(file, failure);
  if (failure) throw Error(Error::Kind::io, file.string() + ": cannot be opened: " + failure.message());
  if (bytes < sizeof(std::uint64_t)) refuse(file, "not a safetensors file, or truncated in the header");
  const auto [header, data_begin] = read_header(file, bytes);
  Safetensors contents;
  try {
    if (header.contains("__metadata__"))
      contents.metadata = header.at("__metadata__").get<std::map<std::string, std::string>>();
    const std::vector<Entry> entries = parse_header(header, bytes - data_begin, file);
    const torch::Tensor mapped =
        torch::from_file(file.string(), false, static_cast<std::int64_t>(bytes), torch::kUInt8);
    for (const Entry& entry : entries) contents.tensors[entry.key] = tensor_at(mapped, entry, data_begin);
  } catch (const json::exception&) {
    refuse(file, "the header is not that of a safetensors file");
  }
  return contents;
}

void write_safetensors(const Safetensors& contents, const std::filesystem::path& file) {
  std::string header = header_of(contents).dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data is aligned in a mapped file
  const std::uint64_t length = header.size();
  const std::filesystem::path part = file.string() + ".part";
  {
    std::ofstream stream(part, std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(&length), sizeof length);
    stream.write(header.data(), static_cast<std::streamsize>(length));
    for (const auto& [key, tensor] : contents.tensors) {
      const torch::Tensor data = tensor.detach().cpu().contiguous();
      stream.write(static_cast<const char*>(data.data_ptr()), static_cast<std::streamsize>(data.nbytes()));
    }
    stream.flush();
    if (!stream) throw Error(Error::Kind::io, part.string() + ": cannot be written");
  }
  sync_file(part);
  std::error_code failure;
  std::filesystem::rename(part, file, failure);
  if (failure) throw Error(Error::Kind::io, file.string() + ": cannot be written: " + failure.message());
}

}  // namespace metserve::models
