#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/name_map.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/torch_layout.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace diffusion::detail {

/// Appends `values`, laid out like those of `model`, under the parameters' names.
template <class T>
void add_tensors(io::safetensors_file& file, const nn::parameters<T>& model,
                 std::span<const T> values, const std::string& prefix,
                 io::scalar_type type = io::scalar_type_of<T>()) {
    for (const nn::parameter_info& p : model.list()) {
        std::vector<T> tensor(p.size);
        for (std::size_t i = 0; i < p.size; ++i)
            tensor[i] = values[p.offset + place_in_memory(p, i)];
        file.add(prefix + p.name, sizes_in_file(p), std::span<const T>(tensor), type);
    }
}

/// The opposite for one parameter; if the shape is wrong, it adds a sentence to `faults` instead.
template <class T>
void read_tensor(const io::tensor_entry& entry, const nn::parameter_info& p, std::span<T> values,
                 std::string& faults) {
    if (entry.shape != sizes_in_file(p)) {
        faults += "\n  misshaped: " + entry.name + " is " + io::detail::shape_text(entry.shape) +
                  " in the file, " + io::detail::shape_text(sizes_in_file(p)) + " in the model";
        return;
    }
    std::vector<T> converted;
    const std::span<const T> tensor = entry.template view<T>(converted);
    for (std::size_t i = 0; i < p.size; ++i) values[p.offset + place_in_memory(p, i)] = tensor[i];
}

inline std::string missing_tensor(const std::string& prefix, const nn::parameter_info& p) {
    return "\n  missing: " + prefix + p.name + " " + io::detail::shape_text(sizes_in_file(p));
}

/// The same for all parameters of a file that this library wrote.
template <class T>
void read_tensors(const io::safetensors_file& file, const nn::parameters<T>& model,
                  std::span<T> values, const std::string& prefix, std::string& faults) {
    for (const nn::parameter_info& p : model.list()) {
        const io::tensor_entry* entry = file.find(prefix + p.name);
        if (entry == nullptr) {
            faults += missing_tensor(prefix, p);
        } else {
            read_tensor(*entry, p, values, faults);
        }
    }
}

}  // namespace diffusion::detail

namespace diffusion::nn {

/// What a model's parameters look like in a file, in their order: names, types, shapes as in
/// PyTorch, bytes. `io::to_text` makes a table of it.
template <class T>
std::vector<io::tensor_info> listing(const parameters<T>& model) {
    std::vector<io::tensor_info> lines;
    for (const parameter_info& p : model.list())
        lines.push_back({p.name, io::scalar_type_of<T>(), diffusion::detail::sizes_in_file(p),
                         p.size * sizeof(T)});
    return lines;
}

/// Writes a model's parameters to a safetensors file, under their names and in PyTorch's order of
/// elements, so that the file is a `state_dict` there. `metadata`: any strings (schedule,
/// prediction, the net's sizes). `stored`: the type in the file; f16 and bf16 halve a file of
/// floats, rounded to 11 and 8 bits. Throws std::filesystem::filesystem_error if the file cannot be
/// written, std::invalid_argument if a value does not fit the stored type.
template <class T>
void save_parameters(const std::filesystem::path& path, const parameters<T>& model,
                     const std::map<std::string, std::string>& metadata = {},
                     io::scalar_type stored = io::scalar_type_of<T>()) {
    io::safetensors_file file;
    file.metadata = metadata;
    diffusion::detail::add_tensors(file, model, model.values(), "", stored);
    io::write_safetensors(path, file);
}

/// Takes over the tensors of an opened file, whichever type they are stored in. `names`: for a file
/// with other names than the model's, or with less or more than it wants; without it the tensors
/// must be those of the model. All or nothing: a tensor that is missing, misshaped, superfluous or
/// there twice leaves the model as it was and throws std::invalid_argument with the name of every
/// one of them.
template <class T>
void load_parameters(const io::safetensors_file& file, parameters<T>& model,
                     const name_map& names = {}) {
    std::string faults;
    std::map<std::string, const io::tensor_entry*> found;
    for (const io::tensor_entry& entry : file.entries) {
        const std::optional<std::string> name = names.name_in_model(entry.name);
        if (!name) continue;
        const std::string as = *name == entry.name ? "" : " (as " + *name + ")";
        if (model.find(*name) == nullptr) {
            faults += "\n  extra: " + entry.name + as + " " + io::detail::shape_text(entry.shape);
        } else if (!found.emplace(*name, &entry).second) {
            faults += "\n  twice: " + found.at(*name)->name + " and " + entry.name + as;
        }
    }
    const std::span<const T> before = std::as_const(model).values();
    std::vector<T> values(before.begin(), before.end());
    for (const parameter_info& p : model.list()) {
        const auto entry = found.find(p.name);
        if (entry == found.end()) {
            if (!names.may_miss(p.name)) faults += diffusion::detail::missing_tensor("", p);
        } else if (const auto* axes = names.axes_of(entry->second->name)) {
            diffusion::detail::read_tensor(io::permuted(*entry->second, *axes), p,
                                           std::span<T>(values), faults);
        } else {
            diffusion::detail::read_tensor(*entry->second, p, std::span<T>(values), faults);
        }
    }
    if (!faults.empty())
        throw std::invalid_argument(
            "diffusion::nn::load_parameters: the tensors of " +
            (file.entries.empty() ? "an empty file" : file.entries.front().file) +
            " must be those of the model:" + faults);
    std::copy(values.begin(), values.end(), model.change_values().begin());
}

/// The same from the file at `path`, written by `save_parameters`, PyTorch or anybody; returns the
/// metadata. A damaged file throws io::format_error.
template <class T>
std::map<std::string, std::string> load_parameters(const std::filesystem::path& path,
                                                   parameters<T>& model,
                                                   const name_map& names = {}) {
    io::safetensors_file file = io::map_safetensors(path);
    load_parameters(file, model, names);
    return std::move(file.metadata);
}

/// Writes everything that training changes: parameters, Adam's moments, the average and both
/// counters.
template <class T>
void save_training(const std::filesystem::path& path, const parameters<T>& model,
                   const adam<T>& optimizer, const ema<T>& average,
                   std::map<std::string, std::string> metadata = {},
                   std::span<const double> state = {}) {
    io::safetensors_file file;
    metadata["steps"] = std::to_string(optimizer.steps());
    metadata["updates"] = std::to_string(average.updates());
    file.metadata = std::move(metadata);
    diffusion::detail::add_tensors(file, model, model.values(), "");
    diffusion::detail::add_tensors(file, model, optimizer.first_moment(), "adam.first.");
    diffusion::detail::add_tensors(file, model, optimizer.second_moment(), "adam.second.");
    diffusion::detail::add_tensors(file, model, average.values(), "ema.");
    if (!state.empty()) file.add("training.state", {state.size()}, state);
    io::write_safetensors(path, file);
}

/// Takes over what `save_training` wrote, after which training goes on as if it had not been
/// interrupted. All or nothing, as in `load_parameters`; `name` is the file's in messages.
template <class T>
void restore_training(const io::safetensors_file& file, const std::string& name,
                      parameters<T>& model, adam<T>& optimizer, ema<T>& average) {
    std::string faults;
    const std::size_t n = std::as_const(model).values().size();
    std::vector<T> values(n, T(0)), first(n, T(0)), second(n, T(0)), mean(n, T(0));
    diffusion::detail::read_tensors(file, model, std::span<T>(values), "", faults);
    diffusion::detail::read_tensors(file, model, std::span<T>(first), "adam.first.", faults);
    diffusion::detail::read_tensors(file, model, std::span<T>(second), "adam.second.", faults);
    diffusion::detail::read_tensors(file, model, std::span<T>(mean), "ema.", faults);
    std::uint64_t counters[2] = {};
    const char* const names[2] = {"steps", "updates"};
    for (int i = 0; i < 2; ++i) {
        const auto found = file.metadata.find(names[i]);
        const std::string text = found == file.metadata.end() ? "" : found->second;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), counters[i]);
        if (text.empty() || end.ec != std::errc{} || end.ptr != text.data() + text.size())
            faults += std::string("\n  missing: the number \"") + names[i] + "\" in the metadata";
    }
    if (!faults.empty())
        throw std::invalid_argument("diffusion::nn::load_training: the content of " + name +
                                    " must fit the model:" + faults);
    std::copy(values.begin(), values.end(), model.change_values().begin());
    optimizer.restore(counters[0], first, second);
    average.restore(counters[1], mean);
}

/// The same from a file; returns the metadata.
template <class T>
std::map<std::string, std::string> load_training(const std::filesystem::path& path,
                                                 parameters<T>& model, adam<T>& optimizer,
                                                 ema<T>& average) {
    io::safetensors_file file = io::read_safetensors(path);
    restore_training(file, path.string(), model, optimizer, average);
    return std::move(file.metadata);
}

}  // namespace diffusion::nn
