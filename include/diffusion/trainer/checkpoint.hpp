#pragma once

#include <cerrno>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<unistd.h>)
#include <csignal>
#endif

#include <diffusion/detail/require.hpp>
#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/safetensors.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace diffusion {

namespace detail {

/// What must be the same when a training is resumed, in words and with all digits. The learning
/// rate and the model's own options cannot be seen from here.
template <class Trainer>
std::map<std::string, std::string> settings_of(Trainer& trainer) {
    const trainer_options& o = trainer.options();
    return {{"trainer.accumulate", shown(o.accumulate)},
            {"trainer.adam.beta1", shown(o.adam.beta1)},
            {"trainer.adam.beta2", shown(o.adam.beta2)},
            {"trainer.adam.epsilon", shown(o.adam.epsilon)},
            {"trainer.adam.weight_decay", shown(o.adam.weight_decay)},
            {"trainer.average.decay", shown(o.average.decay)},
            {"trainer.average.warmup", shown(o.average.warmup)},
            {"trainer.batch", shown(o.batch)},
            {"trainer.clip", shown(o.clip)},
            {"trainer.items", shown(static_cast<std::uint64_t>(trainer.data().size()))},
            {"trainer.seed", shown(o.seed)}};
}

/// A model that learns more than its parameters, such as at which times to train (`denoising` with
/// `loss_aware_times`): numbers that go into the checkpoint.
template <class M>
concept has_state = requires(M& model, std::span<const double> state) {
    { model.state() } -> std::same_as<std::vector<double>>;
    model.restore_state(state);
};

/// Removes the temporary files "path.tmpPROCESS-NUMBER" of writers that do not live any more.
inline void remove_abandoned(const std::filesystem::path& path) {
#if __has_include(<unistd.h>)
    namespace fs = std::filesystem;
    const std::string start = path.filename().string() + ".tmp";
    std::error_code error;
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.rfind(start, 0) != 0) continue;
        const char* const last = name.data() + name.size();
        int process = 0;
        unsigned number = 0;
        const auto dash = std::from_chars(name.data() + start.size(), last, process);
        if (dash.ec != std::errc{} || dash.ptr == last || *dash.ptr != '-' || process <= 0)
            continue;
        const auto rest = std::from_chars(dash.ptr + 1, last, number);
        std::error_code ignored;
        if (rest.ec == std::errc{} && rest.ptr == last && ::kill(process, 0) != 0 && errno == ESRCH)
            fs::remove(entry->path(), ignored);
    }
#endif
}

}  // namespace detail

/// Writes everything that the next steps depend on to one safetensors file: parameters, Adam's
/// moments, the average, the number of steps, the model's `state()` if it has one, and the options
/// for comparison. `metadata`: any strings beside.
///
/// The file is written under a temporary name in the same folder, brought to the disk and renamed.
/// Whenever the process is killed, `path` holds the whole of this checkpoint or the whole of the
/// one before; all that a kill may leave is a file "path.tmp...", which the next `resume` removes.
/// Throws std::filesystem::filesystem_error if the file cannot be written.
template <class Trainer>
void save_checkpoint(const std::filesystem::path& path, Trainer& trainer,
                     std::map<std::string, std::string> metadata = {}) {
    for (auto& [name, value] : detail::settings_of(trainer)) metadata[name] = value;
    std::vector<double> state;
    if constexpr (detail::has_state<std::remove_cvref_t<decltype(trainer.model())>>)
        state = trainer.model().state();
    nn::save_training(path, trainer.parameters(), trainer.optimizer(), trainer.average(),
                      std::move(metadata), state);
}

/// Goes on where a checkpoint was written: the steps that follow give the same bits as if there had
/// been no interruption, if data, model and learning rate are the same. Returns false, and changes
/// nothing, if there is no file of that name.
///
/// Throws io::format_error for a damaged file, and std::invalid_argument for one of another model
/// or of other options, with all that differ; the trainer is then as before.
template <class Trainer>
bool resume(Trainer& trainer, const std::filesystem::path& path) {
    detail::remove_abandoned(path);
    if (!std::filesystem::exists(path)) return false;
    const io::safetensors_file file = io::read_safetensors(path);
    std::string faults;
    for (const auto& [name, value] : detail::settings_of(trainer)) {
        const auto found = file.metadata.find(name);
        const std::string there = found == file.metadata.end() ? "missing" : found->second;
        if (there != value)
            faults += "\n  " + name + " is " + there + " in the file, " + value + " here";
    }
    if (!faults.empty())
        throw std::invalid_argument("diffusion::resume: the training of " + path.string() +
                                    " must have the options of this one:" + faults);
    const auto restore = [&] {
        nn::restore_training(file, path.string(), trainer.parameters(), trainer.optimizer(),
                             trainer.average());
    };
    if constexpr (detail::has_state<std::remove_cvref_t<decltype(trainer.model())>>) {
        const io::tensor_entry* const entry = file.find("training.state");
        const std::vector<double> before = trainer.model().state();
        trainer.model().restore_state(entry == nullptr ? std::vector<double>()
                                                       : entry->template values<double>());
        try {
            restore();
        } catch (...) {
            trainer.model().restore_state(before);
            throw;
        }
    } else {
        restore();
    }
    return true;
}

/// An observer that writes a checkpoint after every n-th step, over the one before.
struct checkpoint_to {
    std::filesystem::path path;
    std::uint64_t n = 100;
    std::map<std::string, std::string> metadata{};

    template <class Trainer>
    void operator()(Trainer& trainer, const step_report& report) const {
        if (n > 0 && report.step % n == 0) save_checkpoint(path, trainer, metadata);
    }
};

}  // namespace diffusion
