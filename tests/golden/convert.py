#!/usr/bin/env python3
"""Turns reference numbers kept as JSON into the line-based files beside this script.

    python3 convert.py DIRECTORY [FAMILY ...]

reads DIRECTORY/FAMILY.json and writes FAMILY.txt here. Each case becomes

    case ID
    key value value ...

Keys of nested objects are joined with dots, a list of objects is numbered, null is left out. Numbers are written
with the fewest digits that read back exactly. What no test reads is dropped: float32 values of the reference
(only how far they moved the result is kept, as asis.max_abs_dev_over_max_abs) and redundant arrays.
"""

import json
import pathlib
import sys

FAMILIES = [
    "diffusers_consistency_models",
    "diffusers_ddim",
    "diffusers_ddim_inverse",
    "diffusers_ddpm",
    "diffusers_deis",
    "diffusers_dpmsolver_multistep",
    "diffusers_dpmsolver_multistep_inverse",
    "diffusers_dpmsolver_sde",
    "diffusers_dpmsolver_singlestep",
    "diffusers_edm_dpmsolver_multistep",
    "diffusers_edm_euler",
    "diffusers_euler",
    "diffusers_euler_ancestral",
    "diffusers_flow_match_euler",
    "diffusers_flow_match_heun",
    "diffusers_heun",
    "diffusers_ipndm",
    "diffusers_kdpm2",
    "diffusers_kdpm2_ancestral",
    "diffusers_lcm",
    "diffusers_lms",
    "diffusers_pndm",
    "diffusers_repaint",
    "diffusers_sasolver",
    "diffusers_score_sde_ve",
    "diffusers_tables",
    "diffusers_tcd",
    "diffusers_unclip",
    "diffusers_unipc",
    "dpm_solver_official",
    "edm",
    "guided_diffusion",
    "k_diffusion",
    "misc_peers",
    "published_expectations",
    "rng",
    "score_sde",
]

DROPPED = {"precision", "sigmas", "alphas_cumprod", "begin_index_note", "note", "fragile",
           "sigmas_interpol", "sigmas_up", "sigmas_down", "model_sigmas"}
KEPT_IN_TABLES = {"alphas_cumprod"}
KEPT_IN_K_DIFFUSION = {"sigmas"}  # how to make them, or they are what is tested


def word(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else repr(value)


def lines(key, value):
    if value is None:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from lines(key + "." + name, inner)
    elif isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        for number, inner in enumerate(value):
            yield from lines(f"{key}.{number}", inner)
    elif isinstance(value, list):
        yield " ".join([key] + [word(v) for v in value])
    else:
        yield f"{key} {word(value)}"


def case_lines(case, name):
    yield f"case {name}"
    is_run = "config" in case and "steps" in case
    for key, value in case.items():
        if key == "id" or key.startswith("asis_") or key == "init_noise_sigma" and value == 1:
            continue
        kept = KEPT_IN_K_DIFFUSION if name.startswith("k_diffusion") else KEPT_IN_TABLES
        if key in DROPPED and (is_run or key not in kept):
            continue
        if key == "asis":
            value = {"max_abs_dev_over_max_abs": value["max_abs_dev_over_max_abs"]}
        if key == "steps":
            value = [{k: v for k, v in step.items() if k != "i"} for step in value]
        yield from lines(key, value)


def published_lines(case):
    """A test of diffusers: its scheduler, how it is run, and its expectations: name, value, tolerance, and what the
    reference gave, in float64 where no noise of torch is drawn."""
    file, group, test = case["test"].removeprefix("test_scheduler_").split(".")
    one = "_1D" if "1D" in group else ""
    yield f"case published-{file}{one}.{test.removeprefix('test_')}"
    config = {"_class_name": case["scheduler"]} | case["configs"][-1]["config"]
    config = {k: float(v) if v == "-inf" else v for k, v in config.items()}
    yield "config " + json.dumps(config)
    for call in case["configs"][-1]["calls"]:
        how = call["set_timesteps"][0]
        is_list = how.startswith("timesteps=")
        yield "timesteps " + how[11:-1].replace(",", "") if is_list else "steps " + how
    if not case["deterministic"]:
        yield f"seed {case['seeds'][0]}"
    for number, told in enumerate(case["asserts"]):
        quantity = "sum" if "sum" in told["quantity"] else "mean"
        given = told.get("obtained_float64", told["obtained_float32"])
        yield f"expect.{number} {quantity} {told['expected']} {told['tol']} {given}"


def main():
    source = pathlib.Path(sys.argv[1])
    for family in sys.argv[2:] or FAMILIES:
        data = json.loads((source / (family + ".json")).read_text())
        text = [f"# {family}: {data['reference']}"]
        for number, case in enumerate(data["cases"]):
            text.append("")
            if family == "published_expectations":
                text.extend(published_lines(case))
            else:
                text.extend(case_lines(case, case.get("id", f"{family}-{number:02d}")))
        (pathlib.Path(__file__).parent / (family + ".txt")).write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
