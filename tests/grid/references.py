#!/usr/bin/env python3
"""Writes references.inc beside this file: noise levels and times of grids as other implementations make them.

    python3 references.py DIRECTORY CLASS_DEFAULTS.json

reads the cases of schedulers kept as JSON in DIRECTORY (see ../golden/convert.py) and keeps one of each grid.
"""

import json
import pathlib
import sys

FAMILIES = ["dpmsolver_multistep", "dpmsolver_singlestep", "deis", "unipc", "sasolver", "euler", "heun", "lms",
            "edm_dpmsolver_multistep", "edm_euler", "flow_match_euler", "flow_match_heun"]
CLASSES = {"dpmsolver_multistep": "DPMSolverMultistepScheduler", "dpmsolver_singlestep": "DPMSolverSinglestepScheduler",
           "deis": "DEISMultistepScheduler", "unipc": "UniPCMultistepScheduler", "sasolver": "SASolverScheduler",
           "euler": "EulerDiscreteScheduler", "heun": "HeunDiscreteScheduler", "lms": "LMSDiscreteScheduler",
           "edm_dpmsolver_multistep": "EDMDPMSolverMultistepScheduler", "edm_euler": "EDMEulerScheduler",
           "flow_match_euler": "FlowMatchEulerDiscreteScheduler", "flow_match_heun": "FlowMatchHeunDiscreteScheduler"}
LONGEST = 20


def kind_of(family, c):
    for name in ("karras", "exponential", "beta", "flow"):
        if c.get(f"use_{name}_sigmas"):
            return name
    if c.get("use_lu_lambdas"):
        return "lu"
    if family.startswith("edm"):
        return c["sigma_schedule"]
    return {"flow_match_euler": "flow", "flow_match_heun": "flow"}.get(family, "times")


def number(value, fallback):
    return repr(float(fallback if value is None else value))


def text(value):
    return json.dumps(value)


def main():
    source, defaults = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    rows, seen = [], set()
    for family in FAMILIES:
        known = defaults[CLASSES[family]]
        for case in json.loads((source / f"diffusers_{family}.json").read_text())["cases"]:
            c = {**known, **case["config"]}
            call = case["set_timesteps"]
            n = call.get("num_inference_steps")
            sigmas, times = [float(s) for s in case["sigmas"]], [float(t) for t in case["timesteps"]]
            if n is None or n > LONGEST or n == 1 or c.get("invert_sigmas"):
                continue
            if family in ("heun", "flow_match_heun"):  # every level but the first stands there twice
                sigmas, times = [sigmas[0]] + sigmas[1::2], [times[0]] + times[1::2]
            kind = kind_of(family, c)
            if kind == "times" and family not in ("euler", "heun", "lms"):
                continue  # the golden runs look at those
            shift = c.get("shift") if "flow_match" in family else c.get("flow_shift")
            dynamic = bool(c.get("use_dynamic_shifting"))
            fields = [family, kind, n, c.get("num_train_timesteps", 1000), c.get("beta_schedule", ""),
                      c.get("beta_start", 0), c.get("beta_end", 0), bool(c.get("rescale_betas_zero_snr")),
                      c.get("timestep_spacing", ""), c.get("steps_offset", 0), c.get("interpolation_type", ""),
                      c.get("sigma_min"), c.get("sigma_max"), c.get("rho"), shift, dynamic,
                      call.get("mu"), c.get("time_shift_type", ""), c.get("shift_terminal"),
                      c.get("final_sigmas_type", ""), c.get("timestep_type", "")]
            key = json.dumps([kind, sigmas, times])
            if key in seen:
                continue
            seen.add(key)
            rows.append("{" + ", ".join([
                text(case["id"]), text(family), text(kind), str(n), str(fields[3]), text(fields[4]),
                number(fields[5], 0), number(fields[6], 0), str(fields[7]).lower(), text(fields[8]), str(fields[9]),
                text(fields[10]), number(fields[11], 0), number(fields[12], 0), number(fields[13], 0),
                number(shift, 1), str(dynamic).lower(), number(fields[16], 0), text(fields[17]),
                number(fields[18], 0), text(fields[19]), text(fields[20]),
                "{" + ", ".join(map(repr, sigmas)) + "}", "{" + ", ".join(map(repr, times)) + "}"]) + "},")
    head = "// Written by references.py from diffusers 0.40.0.dev0; the members are those of `reference` in\n// references.cpp.\n"
    (pathlib.Path(__file__).parent / "references.inc").write_text(head + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
