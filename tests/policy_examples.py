"""Policies that several tests start from."""

from __future__ import annotations

VALID = """\
version: 1
name: gate
datasets:
  generated: {path: gen}
  training: {path: train, labels: parent_folder}
checks:
  - leak_rate: {generated: generated, source: training, threshold: {cosine: 0.9}, at_most: 0.1%}
"""

FULL = """\
version: 1
name: release gate
description: |
  Two
  lines
datasets:
  generated: {path: "${GENERATED:-../data/gen}", labels: none}
  training:
    path: ${TRAINING}
    labels: {csv: ~/people.csv, image: file, identity: person}
  list: {path: lists/dcface.csv, format: matches}
embedder: {name: dlib-resnet, weights: w.dat, sha256: "%s", precision: bf16, device: auto}
exclusions: {at_most: 5%%}
checks:
  - top_k_similarity: {generated: generated, source: training, k: "${K:-10}", at_most: 0.94}
  - leak_rate:
      generated: generated
      source: training
      threshold: {cosine: .9}
      at_most: 0.1%%
      confidence: 95%%
  - leak_rate: {generated: generated, source: training, threshold: {euclidean: 0.6}, at_most: "${RATE:-1e-3}"}
  - identity_exposure: {matches: list, threshold: {cosine: 0.5}, at_most: 0, k: 3}
  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 14}
  - leak_rate: {generated: generated, source: training, threshold: {cosine: 1}, at_most: 0}
waivers: w.waivers.yaml
""" % ("AB" * 32)

SEVERAL = """\
version: 1
name: several
datasets:
  generated: {path: gen, align: none}
  training: {path: train, labels: parent_folder, align: auto, faces: largest}
  list: {path: lists/dcface.csv, format: matches}
embedders:
  dlib: {name: dlib-resnet, align: mtcnn, faces: error}
  mine: {name: onnx, weights: w.onnx, licence: MIT, input_size: 112, colour_order: BGR, mean: 127.5, std: 127.5}
licences: {allow: [CC0-1.0, MIT]}
screens:
  child: {any_of: [{method: age, below: 16}, {method: clip, reject_above: 40%}]}
  non_face: {method: face}
  hat: {method: clip, prompts: [a hat], against: [a head]}
exclusions: {at_most: 5%}
checks:
  - top_k_similarity: {generated: generated, source: training, embedder: mine, k: 10, at_most: 0.94}
  - leak_rate:
      generated: generated
      source: training
      agreement: [dlib, mine]
      threshold: {dlib: {cosine: 0.96}, mine: {euclidean: 1.1}}
      at_most: 0.1%
  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 14}
"""

# sets of every kind, for checks that are put in the place of %s
SETS = """\
version: 1
name: gate
datasets:
  gen: {path: gen}
  train: {path: train, labels: parent_folder}
  bare: {path: bare}
  unseen: {path: unseen}
  named: {path: named, labels: parent_folder}
  list: {path: a.csv, format: matches}
  other: {path: b.csv, format: matches}
checks:
  - %s
"""

GATE = """\
version: 1
name: gate
datasets:
  generated: {path: gen, expect: {images: 10000, otherwise: warn}}
  training: {path: train.rec, format: recordio, expect: {images: 490623, identities: 10572}}
  unseen: {path: unseen, labels: {csv: people.csv}}
  mirror: {path: mirror, labels: parent_folder}
  list: {path: a.csv, format: matches, expect: {images: 5}}
  rendered: {path: b.csv, format: matches}
screens: {hub: {max_share: 1%}, child: {method: clip}}
checks:
  - leak_rate:
      generated: generated
      source: training
      control: unseen
      calibration: mirror
      threshold: {fmr: 1e-5}
      at_most: 0.1%
      no_worse_than: "${OLD:-old/evidence.json}"
  - identity_exposure:
      {generated: generated, source: training, threshold: {fpir: 1%}, at_most: 0, min_images: 2, people: clusters}
  - excess_risk: {generated: generated, source: training, control: unseen, at_most: 0.5%, confidence: 95%}
  - excess_risk: {matches: list, control: rendered, threshold: {cosine: 0.5}, at_most: 0.5%}
  - membership_inference: {generated: generated, source: training, control: unseen, fpr: 0.1%, at_most: 1%}
  - canary_recall: {source: training, at_least: 99%, n: 20}
  - canary_recall: {source: training, at_least: 90%, threshold: {euclidean: 0.5}, calibration: training}
  - near_copy: {generated: generated, source: training, at_most: 0, max_bits: 8}
  - near_copy: {generated: generated, source: training, at_most: 0, method: sscd, weights: s.pt, min_similarity: 0.8}
  - coverage: {dataset: generated, min_images: 1000, max_unreadable: 1%, max_no_face: 5%, max_screened: 10%}
"""

# from the design, word for word
DESIGN_EXAMPLE = """\
version: 1
name: release-gate
description: Samples of generator v3 against its training photographs

datasets:
  generated: {path: "${GENERATED:-../data/generated}", labels: parent_folder}
  training:  {path: ../data/casia-webface, format: recordio}
  unseen:    {path: ../data/never-trained, labels: parent_folder}

embedder: {name: dlib-resnet}          # weights, sha256, align, precision, device are optional keys

screens:                               # each exclusion is counted, listed and capped
  child:    {method: clip, reject_above: 0.5}
  non_face: {method: clip, reject_above: 0.5}
  hub:      {max_share: 1%}
exclusions: {at_most: 5%}

checks:
  - top_k_similarity:     {generated: generated, source: training, k: 10, at_most: 0.94}
  - leak_rate:            {generated: generated, source: training, threshold: {fmr: 1e-5}, at_most: 0.1%, confidence: 95%}
  - identity_exposure:    {generated: generated, source: training, threshold: {fpir: 1%}, at_most: 0}
  - excess_risk:          {generated: generated, source: training, control: unseen, at_most: 0.5%, confidence: 95%}
  - membership_inference: {generated: generated, source: training, control: unseen, fpr: 0.1%, at_most: 1%}
  - canary_recall:        {source: training, at_least: 99%}

waivers: release.waivers.yaml
"""  # noqa: E501
