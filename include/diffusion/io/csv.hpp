#pragma once
// Tables of comma-separated values (RFC 4180): one record per line, cells between commas (or
// another delimiter), a cell in "quotation marks" may contain delimiters, line ends, and ""
// for a quotation mark.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/file.hpp>

namespace diffusion::io {

/// Whether the first line of a CSV file holds the names of the columns.
enum class csv_header {
    detect,   ///< it does if one of its cells is neither a number nor empty
    present,  ///< it does
    absent    ///< it does not; the columns are called "0", "1", ...
};

/// How read_csv takes a file apart.
struct csv_options {
    char delimiter = ',';
    csv_header header = csv_header::detect;
};

/// A table of text cells with named columns; cells become numbers when they are asked for.
class csv_table {
public:
    std::size_t rows() const { return cells_.size() / names_.size(); }
    std::size_t columns() const { return names_.size(); }
    const std::vector<std::string>& names() const { return names_; }

    /// The column of that name; throws std::invalid_argument unless there is exactly one.
    std::size_t column(std::string_view name) const {
        using diffusion::detail::require;
        constexpr const char* function = "diffusion::io::csv_table::column";
        const auto found = std::find(names_.begin(), names_.end(), name);
        require(found != names_.end(), function, "the name must be that of a column", name);
        require(std::find(found + 1, names_.end(), name) == names_.end(), function,
                "the name must be that of one column only", name);
        return static_cast<std::size_t>(found - names_.begin());
    }

    /// A cell as it was meant, without its quotation marks.
    std::string text(std::size_t row, std::size_t column) const {
        const std::string_view raw = this->raw(row, column);
        std::string result;
        result.reserve(raw.size());
        for (std::size_t i = 0; i < raw.size(); ++i) {
            result += raw[i];
            if (raw[i] == '"') ++i;  // "" stands for one
        }
        return result;
    }

    /// A cell as a number; throws format_error if it is not one. Blanks around it are allowed.
    double number(std::size_t row, std::size_t column) const {
        double value = 0;
        if (!parse_number(raw(row, column), value)) {
            const std::size_t begin = cell_at(row, column).begin;
            throw format_error(file_, begin,
                               "column \"" + names_[column] + "\", line " +
                                   std::to_string(line_of(begin)) + ": this is not a number");
        }
        return value;
    }

    /// A whole column as numbers or as text.
    std::vector<double> numbers(std::size_t column) const {
        std::vector<double> result;
        result.reserve(rows());
        for (std::size_t row = 0; row < rows(); ++row) result.push_back(number(row, column));
        return result;
    }
    std::vector<double> numbers(std::string_view name) const { return numbers(column(name)); }
    std::vector<std::string> texts(std::size_t column) const {
        std::vector<std::string> result;
        result.reserve(rows());
        for (std::size_t row = 0; row < rows(); ++row) result.push_back(text(row, column));
        return result;
    }
    std::vector<std::string> texts(std::string_view name) const { return texts(column(name)); }

    friend csv_table parse_csv(std::span<const std::byte> bytes, std::string_view file,
                               const csv_options& options);

private:
    struct cell {
        std::size_t begin, end;  // in text_, inside the quotation marks
    };

    static bool parse_number(std::string_view text, double& value) {
        const auto blank = [](char c) { return c == ' ' || c == '\t'; };
        while (!text.empty() && blank(text.front())) text.remove_prefix(1);
        while (!text.empty() && blank(text.back())) text.remove_suffix(1);
        if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
        const char* end = text.data() + text.size();
        const std::from_chars_result result = std::from_chars(text.data(), end, value);
        return result.ec == std::errc() && result.ptr == end;
    }

    const cell& cell_at(std::size_t row, std::size_t column) const {
        diffusion::detail::require(row < rows(), "diffusion::io::csv_table",
                                   "the row must be one of the table's", row);
        diffusion::detail::require(column < columns(), "diffusion::io::csv_table",
                                   "the column must be one of the table's", column);
        return cells_[row * columns() + column];
    }

    std::string_view raw(std::size_t row, std::size_t column) const {
        const cell& c = cell_at(row, column);
        return std::string_view(text_).substr(c.begin, c.end - c.begin);
    }

    std::size_t line_of(std::size_t offset) const {
        const auto end = text_.begin() + static_cast<std::ptrdiff_t>(offset);
        return 1 + static_cast<std::size_t>(std::count(text_.begin(), end, '\n'));
    }

    std::string file_;
    std::string text_;  // the whole file: cells are ranges of it
    std::vector<std::string> names_{""};
    std::vector<cell> cells_;  // row by row
};

/// Takes a CSV file in memory apart; `file` is the name used in messages.
///
/// Lines end in LF, CR LF or CR; empty lines are skipped; a UTF-8 byte order mark is skipped.
/// Throws format_error if the lines have different numbers of cells, a quotation mark is missing
/// or misplaced, the text has control characters, or there is nothing in it; and
/// std::invalid_argument if the delimiter is a quotation mark or a line end.
inline csv_table parse_csv(std::span<const std::byte> bytes, std::string_view file = "memory",
                           const csv_options& options = {}) {
    const char delimiter = options.delimiter;
    diffusion::detail::require(delimiter != '"' && delimiter != '\n' && delimiter != '\r',
                               "diffusion::io::read_csv",
                               "the delimiter must not be a quotation mark or a line end",
                               std::string_view(&delimiter, 1));
    detail::source in(bytes, file);
    csv_table table;
    table.file_ = std::string(file);
    table.text_ = std::string(in.take_text(bytes.size(), "the text"));
    const std::string& text = table.text_;

    // One more cell than there are delimiters and line ends, at most.
    std::size_t most = 1;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == delimiter || c == '\n' || c == '\r') {
            ++most;
        } else if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') {
            in.fail_at(i, "a control character: this is not a text file");
        }
    }
    table.cells_.reserve(most);

    std::size_t columns = 0;  // of the first line
    std::size_t line_cells = 0;
    std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
    const auto line_end = [&](std::size_t i) { return text[i] == '\n' || text[i] == '\r'; };
    while (at < text.size()) {
        if (line_cells == 0 && line_end(at)) {  // an empty line, or the LF of CR LF
            ++at;
            continue;
        }
        csv_table::cell cell{at, at};
        if (text[at] == '"') {
            cell.begin = ++at;
            while (true) {
                at = text.find('"', at);
                if (at == std::string::npos) {
                    in.fail_at(cell.begin - 1, "this quotation mark has no partner");
                }
                if (at + 1 == text.size() || text[at + 1] != '"') break;
                at += 2;
            }
            cell.end = at++;
            if (at < text.size() && text[at] != delimiter && !line_end(at)) {
                in.fail_at(at,
                           "a quotation mark must be followed by the delimiter or the line's end");
            }
        } else {
            while (at < text.size() && text[at] != delimiter && !line_end(at)) {
                if (text[at] == '"') in.fail_at(at, "a quotation mark inside a cell without them");
                ++at;
            }
            cell.end = at;
        }
        table.cells_.push_back(cell);
        ++line_cells;

        if (at < text.size() && text[at] == delimiter) {
            ++at;
            if (at < text.size()) continue;
            table.cells_.push_back({at, at});  // the file ends behind a delimiter: an empty cell
            ++line_cells;
        }
        if (columns == 0) columns = line_cells;
        if (line_cells != columns) {
            in.fail_at(at, "line " + std::to_string(table.line_of(cell.begin)) + " has " +
                               std::to_string(line_cells) + " cells, the first has " +
                               std::to_string(columns));
        }
        line_cells = 0;
    }
    if (columns == 0) in.fail_at(text.size(), "the file has no cells");

    table.names_.assign(columns, "");
    bool named = options.header == csv_header::present;
    if (options.header == csv_header::detect) {
        for (std::size_t k = 0; k < columns && !named; ++k) {
            double ignored = 0;
            const std::string_view cell = table.raw(0, k);
            named = !cell.empty() && !csv_table::parse_number(cell, ignored);
        }
    }
    for (std::size_t k = 0; k < columns; ++k) {
        table.names_[k] = named ? table.text(0, k) : std::to_string(k);
    }
    if (named) {
        table.cells_.erase(table.cells_.begin(),
                           table.cells_.begin() + static_cast<std::ptrdiff_t>(columns));
    }
    return table;
}

/// Reads a CSV file as parse_csv does.
inline csv_table read_csv(const std::filesystem::path& path, const csv_options& options = {}) {
    return parse_csv(read_file(path), path.string(), options);
}

/// Writes numbers as a CSV file: a line of names, then the rows of `values` (row-major), each
/// number with the fewest digits that read back exactly.
///
/// Throws std::invalid_argument if there is no name or the values do not fill whole rows, and
/// std::filesystem::filesystem_error if the file cannot be written.
inline void write_csv(const std::filesystem::path& path, const std::vector<std::string>& names,
                      std::span<const double> values, char delimiter = ',') {
    using diffusion::detail::require;
    constexpr const char* function = "diffusion::io::write_csv";
    require(!names.empty(), function, "there must be at least 1 column", names.size());
    require(values.size() % names.size() == 0, function,
            "the values must fill whole rows of the table", values.size());

    std::string line;
    const auto put = [&](std::string_view cell, std::size_t column) {
        const char special[] = {delimiter, '"', '\n', '\r'};
        if (column > 0) line += delimiter;
        // An empty name alone on its line would look like an empty line.
        if (!cell.empty() && cell.find_first_of(std::string_view(special, sizeof special)) ==
                                 std::string_view::npos) {
            line += cell;
        } else {
            line += '"';
            for (const char c : cell) line += c == '"' ? std::string(2, c) : std::string(1, c);
            line += '"';
        }
        if (column + 1 == names.size()) line += '\n';
    };
    atomic_file out(path);
    for (std::size_t k = 0; k < names.size(); ++k) put(names[k], k);
    for (std::size_t i = 0; i < values.size(); ++i) {
        put(diffusion::detail::shown(values[i]), i % names.size());
        if (line.size() > 65536) {
            out.write(line);
            line.clear();
        }
    }
    out.write(line);
    out.commit();
}

}  // namespace diffusion::io
