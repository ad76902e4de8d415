#include "server/sqlite_database.h"

#include "server/error.h"

namespace metserve::server {
namespace {

/// What may pass by itself is out of resources; all else, a failed sync above all, is input or output.
Error::Kind kind_of(int code) {
  const int primary = code & 0xff;
  const bool may_pass =
      primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_FULL || primary == SQLITE_NOMEM;
  return may_pass ? Error::Kind::out_of_resources : Error::Kind::io;
}

[[noreturn]] void fail(sqlite3* database, const std::string& what) {
  throw Error(kind_of(sqlite3_errcode(database)), what + ": " + sqlite3_errmsg(database));
}

std::string file_of(sqlite3* database) {
  const char* file = sqlite3_db_filename(database, "main");
  return file == nullptr ? "database" : file;
}

void check(sqlite3* database, int code) {
  if (code != SQLITE_OK) fail(database, file_of(database));
}

}  // namespace

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(database_, file_of(database_));
  return false;
}

int Query::run() {
  while (step()) {
  }
  return sqlite3_changes(database_);
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Query::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string Query::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return text == nullptr ? std::string() : std::string(text, size);
}

void Query::bind(int index, std::int64_t value) {
  check(database_, sqlite3_bind_int64(statement_, index, value));
}

void Query::bind(int index, double value) {
  check(database_, sqlite3_bind_double(statement_, index, value));
}

void Query::bind(int index, std::string_view value) {
  check(database_,
        sqlite3_bind_text(statement_, index, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
}

Database::Database(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  sqlite3* handle = nullptr;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(handle, file.string() + ": cannot be opened");
  check(handle, sqlite3_busy_timeout(handle, static_cast<int>(patience.count())));
  execute("PRAGMA journal_mode=WAL");
  execute("PRAGMA synchronous=FULL");
  execute("PRAGMA foreign_keys=ON");
}

void Database::execute(const char* sql) {
  check(handle_.get(), sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr));
}

sqlite3_stmt* Database::statement(const char* sql) {
  auto& kept = statements_[sql];
  if (!kept) {
    sqlite3_stmt* made = nullptr;
    check(handle_.get(),
          sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr));
    kept.reset(made);
  }
  return kept.get();
}

Transaction::Transaction(Database& database) : database_(database) {
  database.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself (disk full, I/O error); there is nothing left to undo.
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace metserve::server
