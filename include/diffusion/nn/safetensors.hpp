#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parameter.hpp>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace diffusion::detail {

/// The sizes of a parameter in PyTorch's order.
inline std::vector<std::size_t> sizes_in_file(const nn::parameter_info& p) {
    switch (p.layout) {
        case nn::parameter_layout::linear:
            return {p.sizes[1], p.sizes[0]};
        case nn::parameter_layout::conv:
            return {p.sizes[3], p.sizes[2], p.sizes[0], p.sizes[1]};
        case nn::parameter_layout::plain:
            break;
    }
    return p.sizes;
}

/// Where element `i` of a parameter in PyTorch's order lies in memory here.
inline std::size_t place_in_memory(const nn::parameter_info& p, std::size_t i) {
    switch (p.layout) {
        case nn::parameter_layout::linear: {  // (out, in) -> (in, out)
            const std::size_t in = p.sizes[0], out = p.sizes[1];
            return i % in * out + i / in;
        }
        case nn::parameter_layout::conv: {  // (out, in, tap) -> (tap, in, out)
            const std::size_t taps = p.sizes[0] * p.sizes[1], in = p.sizes[2], out = p.sizes[3];
            return (i % taps * in + i / taps % in) * out + i / (taps * in);
        }
        case nn::parameter_layout::plain:
            break;
    }
    return i;
}

/// Appends `values`, laid out like those of `model`, under the parameters' names.
template <class T>
void add_tensors(io::safetensors_file& file, const nn::parameters<T>& model,
                 std::span<const T> values, const std::string& prefix) {
    for (const nn::parameter_info& p : model.list()) {
        std::vector<T> tensor(p.size);
        for (std::size_t i = 0; i < p.size; ++i)
            tensor[i] = values[p.offset + place_in_memory(p, i)];
        file.add(prefix + p.name, sizes_in_file(p), tensor);
    }
}

inline std::string list_of(const std::vector<std::size_t>& sizes) {
    std::string text = "(";
    for (std::size_t n : sizes) {
        if (text.size() > 1) text += ", ";
        text += std::to_string(n);
    }
    text += ")";
    return text;
}

/// The opposite; adds a sentence to `faults` for each tensor that is missing or misshaped.
template <class T>
void read_tensors(const io::safetensors_file& file, const nn::parameters<T>& model,
                  std::span<T> values, const std::string& prefix, std::string& faults) {
    for (const nn::parameter_info& p : model.list()) {
        const io::tensor_entry* entry = file.find(prefix + p.name);
        if (entry == nullptr) {
            faults += "\n  missing: " + prefix + p.name + " " + list_of(sizes_in_file(p));
        } else if (entry->shape != sizes_in_file(p)) {
            faults += "\n  misshaped: " + prefix + p.name + " is " + list_of(entry->shape) +
                      " in the file, " + list_of(sizes_in_file(p)) + " in the model";
        } else {
            const std::vector<T> tensor = entry->template values<T>();
            for (std::size_t i = 0; i < p.size; ++i)
                values[p.offset + place_in_memory(p, i)] = tensor[i];
        }
    }
}

}  // namespace diffusion::detail

namespace diffusion::nn {

/// Writes a model's parameters to a safetensors file, under their names and in PyTorch's order of
/// elements, so that the file is a `state_dict` there. `metadata`: any strings (schedule,
/// prediction, the net's sizes). Throws std::filesystem::filesystem_error if the file cannot be
/// written.
template <class T>
void save_parameters(const std::filesystem::path& path, const parameters<T>& model,
                     const std::map<std::string, std::string>& metadata = {}) {
    io::safetensors_file file;
    file.metadata = metadata;
    diffusion::detail::add_tensors(file, model, model.values(), "");
    io::write_safetensors(path, file);
}

/// Reads what `save_parameters` or PyTorch wrote and returns the metadata. All or nothing: a
/// missing, misshaped or superfluous tensor leaves the model as it was and throws
/// std::invalid_argument with the name of every one of them; a damaged file throws
/// io::format_error.
template <class T>
std::map<std::string, std::string> load_parameters(const std::filesystem::path& path,
                                                   parameters<T>& model) {
    const io::safetensors_file file = io::read_safetensors(path);
    std::string faults;
    const std::span<const T> before = std::as_const(model).values();
    std::vector<T> values(before.begin(), before.end());
    diffusion::detail::read_tensors(file, model, std::span<T>(values), "", faults);
    for (const io::tensor_entry& entry : file.entries)
        if (model.find(entry.name) == nullptr)
            faults += "\n  extra: " + entry.name + " " + diffusion::detail::list_of(entry.shape);
    if (!faults.empty())
        throw std::invalid_argument("diffusion::nn::load_parameters: the tensors of " +
                                    path.string() + " must be those of the model:" + faults);
    std::copy(values.begin(), values.end(), model.change_values().begin());
    return file.metadata;
}

/// Writes everything that training changes: parameters, Adam's moments, the average and both
/// counters.
template <class T>
void save_training(const std::filesystem::path& path, const parameters<T>& model,
                   const adam<T>& optimizer, const ema<T>& average,
                   std::map<std::string, std::string> metadata = {}) {
    io::safetensors_file file;
    metadata["steps"] = std::to_string(optimizer.steps());
    metadata["updates"] = std::to_string(average.updates());
    file.metadata = std::move(metadata);
    diffusion::detail::add_tensors(file, model, model.values(), "");
    diffusion::detail::add_tensors(file, model, optimizer.first_moment(), "adam.first.");
    diffusion::detail::add_tensors(file, model, optimizer.second_moment(), "adam.second.");
    diffusion::detail::add_tensors(file, model, average.values(), "ema.");
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
