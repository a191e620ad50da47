"""The keys of a policy file: what the YAML is checked against, and what the JSON Schema is made from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from faceleak_check.policy.array_keys import ArrayNames, TemplateOrigin
from faceleak_check.policy.label_keys import CsvLabels, SidecarLabels, label_form
from faceleak_check.policy.names import (
    DatasetName,
    EmbedderKey,
    EmbedderName,
    LabelName,
    Licence,
    PolicyName,
    ReaderName,
    ScreenKey,
    Sha256,
    Text,
    Version,
)
from faceleak_check.policy.paths import DataPath, PolicyPath
from faceleak_check.policy.report_keys import ReportKeys
from faceleak_check.policy.types import (
    ChipSize,
    Device,
    Divisor,
    PixelValue,
    PositiveCount,
    Precision,
    Share,
    check_keys,
)
from faceleak_check.policy.waiver_keys import WaiverKeys, waiver_form
from faceleak_check.policy.work_keys import ExecutionKeys, SearchKeys

__all__ = [
    "Alignment",
    "CommonKeys",
    "CsvLabels",
    "DatasetKeys",
    "Document",
    "EmbedderChoice",
    "Exclusions",
    "ExecutionKeys",
    "Expect",
    "Faces",
    "HubKeys",
    "Licences",
    "ReportKeys",
    "SearchKeys",
    "SidecarLabels",
    "WaiverKeys",
]

Alignment = Literal["none", "mtcnn", "auto"]
Faces = Literal["all", "largest", "error"]


@check_keys
class Expect:
    """What a dataset should hold, so that a wrong folder is noticed.

    Attributes:
        images: Number of image files.
        identities: Number of people named; needs labels.
        otherwise: What follows where it holds something else, inconclusive or warn.
    """

    images: PositiveCount | None = None
    identities: PositiveCount | None = None
    otherwise: Literal["inconclusive", "warn"] = "inconclusive"

    def __post_init__(self) -> None:
        if self.images is None and self.identities is None:
            raise ValueError("found neither images nor identities, expected at least one of them")


@check_keys
class HubKeys:
    """When a source image that many generated images match is looked at as a hub.

    Attributes:
        max_share: Share of the generated images above which their common best match is suspected.
    """

    max_share: Share


@check_keys
class DatasetKeys:
    """A set of images, or a list of precomputed matches.

    Attributes:
        path: The folder or file; relative to the policy file, with ~ and ${NAME}, or a URL such as s3://bucket/faces.zip.
        format: How it is read; folder is a folder of images, archive zip and tar files, recordio a .rec file of MXNet,
            parquet a Hugging Face dataset, lmdb an LMDB file, arrays NumPy's files, matches a table of precomputed
            best matches.
        labels: Where people are named; parent_folder, none, own for what the format itself says of them, a table as
            {csv, image, identity}, or files beside the images of an archive as {sidecar, key}.
        columns: What the columns of a match list mean, where they are not named as in the published lists; or those of
            a Parquet file.
        arrays: What the arrays of an .npz file mean, where it holds several.
        templates: What made the templates, where the arrays are templates and no pictures.
        options: Keys of a format that another package brings, as that package says.
        align: How faces are found in this dataset, in place of what the embedder's keys say.
        faces: Which faces of a picture of this dataset count, in place of what the embedder's keys say.
        expect: How many images and people it should hold.
    """

    path: DataPath
    format: ReaderName = "folder"
    labels: Annotated[
        Annotated[LabelName, Tag("name form")]
        | Annotated[CsvLabels, Tag("csv form")]
        | Annotated[SidecarLabels, Tag("sidecar form")],
        Discriminator(label_form),
    ] = "none"
    columns: Any = None
    arrays: ArrayNames | None = None
    templates: TemplateOrigin | None = None
    options: Any = None
    align: Alignment | None = None
    faces: Faces | None = None
    expect: Expect | None = None


@check_keys
class EmbedderChoice:
    """The network that turns faces into templates.

    Attributes:
        name: Which embedder.
        weights: The file of weights, where it is not found by itself.
        sha256: The digest that the weights must have, 64 hexadecimal digits.
        licence: Licence of weights of your own.
        align: How faces are found and turned upright; none where the images are face chips already, auto to decide
            for each dataset from a sample.
        faces: Which faces of a picture count, all, the largest, or error where several make a picture unusable.
        precision: The arithmetic, fp32 or bf16.
        scan: bf16 to look at every image in bf16 first, and in the precision asked for only at those that could count;
            where a check's threshold is a cosine, the verdict is the same.
        device: What computes, cpu, cuda, or auto for cuda where there is one.
        input_size: Height and width of a chip in pixels, for a network of your own that does not tell.
        colour_order: RGB or BGR, for a network of your own that does not tell.
        mean: Pixel value (0 to 255) that is subtracted, for a network of your own that does not tell.
        std: What the difference is divided by, for a network of your own that does not tell.
        template: Where a face lies in a chip, for a network of your own that does not tell.
        dimension: Length of a template, for precomputed alone, where all sets are templates.
    """

    name: EmbedderName
    weights: PolicyPath | None = None
    sha256: Sha256 | None = None
    licence: Licence | None = None
    align: Alignment = "auto"
    faces: Faces = "all"
    precision: Precision = "fp32"
    scan: Literal["bf16"] | None = None
    device: Device = "cpu"
    input_size: ChipSize | None = None
    colour_order: Literal["RGB", "BGR"] | None = None
    mean: PixelValue | None = None
    std: Divisor | None = None
    template: Literal["arcface-112", "dlib-150", "facenet-160"] | None = None
    dimension: PositiveCount | None = None

    def __post_init__(self) -> None:
        if self.scan is not None and self.precision != "fp32":
            raise ValueError("found 'scan' beside a precision other than fp32; take one of the two out")


@check_keys
class Exclusions:
    """How much may be left out before a verdict is inconclusive.

    Attributes:
        at_most: Highest share of a set's images that may be unreadable or taken out by a rule.
    """

    at_most: Share = 0.0


@check_keys
class Licences:
    """Which licences the models of a policy may have.

    Attributes:
        allow: The licences, each as the models name theirs, such as CC0-1.0.
    """

    allow: Annotated[tuple[Licence, ...], Field(min_length=1)]


@check_keys
class CommonKeys:
    """Keys that every check may have beside its own.

    Attributes:
        no_worse_than: Evidence of an earlier release, a JSON file relative to the policy file; a figure that is worse
            than there is a leak.
    """

    no_worse_than: PolicyPath | None = None


@check_keys
class Document:
    """A faceleak-check privacy policy.

    Attributes:
        version: Version of the policy format, 1.
        name: Name of the policy in reports, one line.
        description: What the policy is for.
        datasets: The sets of images and the match lists, by a name of your own.
        embedder: The network that turns faces into templates; dlib-resnet where it is left out.
        embedders: Several networks in place of one, by a name of your own that checks use.
        licences: Which licences the models may have; any where it is left out.
        screens: Rules that take images out of the comparison, by name.
        exclusions: How much may be left out before a verdict is inconclusive.
        checks: The tests; each item is one check.
        waivers: A file of accepted leaks, relative to the policy file; or {file, on_expired, on_unmatched}.
        search: How nearest neighbours are looked for.
        execution: What embeds the images.
        thresholds: A file of calibrated thresholds that "faceleak calibrate" wrote, relative to the policy file.
        report: What the report tells besides the verdicts.
    """

    version: Version
    name: PolicyName
    description: Text = ""
    datasets: Annotated[dict[DatasetName, Any], Field(min_length=1)]
    embedder: EmbedderChoice | None = None
    embedders: Annotated[dict[EmbedderKey, EmbedderChoice], Field(min_length=1)] | None = None
    licences: Licences | None = None
    screens: Annotated[dict[ScreenKey, Any], Field(default_factory=dict)]
    exclusions: Exclusions = Exclusions()
    checks: Annotated[list[dict[str, Any]], Field(min_length=1)]
    search: SearchKeys = SearchKeys()
    execution: ExecutionKeys = ExecutionKeys()
    waivers: (
        Annotated[
            Annotated[PolicyPath, Tag("file form")] | Annotated[WaiverKeys, Tag("keys form")],
            Discriminator(waiver_form),
        ]
        | None
    ) = None
    thresholds: PolicyPath | None = None
    report: ReportKeys | None = None
