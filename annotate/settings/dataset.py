"""Sections of ``mumic.toml`` from the label list to the dataset."""

from __future__ import annotations

from dataclasses import dataclass

from annotate.settings.field import setting

METHODS = ("majority", "dawid-skene", "pooled-dawid-skene")  # of consolidation


@dataclass(frozen=True)
class ProjectSettings:
    """``[project]``: where things are, relative to the workspace."""

    taxonomy: str = setting("label_taxonomy/travel.yaml", "the label list")
    templates: str = setting(
        "templates", "your own copies of templates; they win over the packaged"
    )
    data: str = setting("data", "everything that mumic-annotate writes")
    runs: str = setting("runs", "everything that mumic train writes")
    seed: int = setting(0, "one seed for sampling, splits and training")
    classes: tuple[str, ...] = setting(
        (), "work on these class ids only; empty: the whole taxonomy"
    )


@dataclass(frozen=True)
class ModelSettings:
    """``[model]``: the CLIP that embeds images and that training starts from."""

    name: str = setting(
        "ViT-B-32-quickgelu", "any open_clip model, or local-dir:FOLDER (a run is such a folder)"
    )
    pretrained: str = setting("openai", "open_clip's tag or a weights file; unused with local-dir:")
    activation: str = setting(
        "auto",
        "gelu or quick-gelu, for a weights file that does not say; auto: refuse such a file",
    )
    precision: str = setting("auto", "auto, fp32 or bf16 (mixed, with fp32 master weights)")


@dataclass(frozen=True)
class CatalogSettings:
    """``[catalog]``: the table of images."""

    sources: tuple[str, ...] = setting((), "folders, S3 prefixes and tables to read by default")
    path_column: str = setting("", "column with the image's path or URI; empty: found by its name")
    property_column: str = setting("property_id", "column that names the image's property")
    text_column: str = setting("text", "column with a caption, if there is one")
    max_pixels: int = setting(100_000_000, "larger pictures are rejected before they are decoded")
    max_bytes: int = setting(100_000_000, "larger files are rejected before they are read")
    remote_threads: int = setting(16, "images read at a time from buckets and web hosts")


@dataclass(frozen=True)
class IndexSettings:
    """``[index]``: the embeddings."""

    batch_size: int = setting(64, "images a forward pass")
    shard_size: int = setting(4096, "rows a shard; whole shards are dealt to machines")
    actors: int = setting(0, "copies of the model on Ray; 0: one a GPU, else 3 of 4 processors")


@dataclass(frozen=True)
class SearchSettings:
    """``[search]``: looking for images."""

    k: int = setting(50, "images that are shown")


@dataclass(frozen=True)
class MineSettings:
    """``[mine]``: candidates for annotation."""

    n: int = setting(200, "candidates drawn for each class")
    top: int = setting(1000, "size of the pool of best matches that they are drawn from")
    stratified_n: int = setting(1000, "images in a stratified sample")
    by: tuple[str, ...] = setting((), "property features that make the strata; empty: ask for --by")
    allocation: str = setting("proportional", "proportional, equal or sqrt")
    where: str = setting("", "only images that fit, such as country == 'FR' and width >= 600")
    min_size: int = setting(0, "pixels of the smaller side, at least")
    max_per_property: int = setting(0, "images of a property that are considered; 0: all")
    near_cosine: float = setting(0.97, "embeddings this close count as one image; above 1: none")
    budget: int = setting(60_000, "candidates in total, over all rounds")


@dataclass(frozen=True)
class QuestionSettings:
    """``[questions]``: groups of classes shown together."""

    strategy: str = setting("grouped", "grouped, category or binary")
    smallest: int = setting(4, "classes a question, at least (remainders down to 2)")
    largest: int = setting(6, "classes a question, at most")
    max_hard: int = setting(2, "classes of difficulty hard in one question, at most")
    skip: bool = setting(False, "ask parents first, others only where a parent is not voted no")
    skip_below: float = setting(0.4, "a parent is voted no where fewer than this share say yes")
    largest_loss: float = setting(
        0.02, "recall that skipping may lose on golden images before the plan is refused"
    )


@dataclass(frozen=True)
class TaskSettings:
    """``[tasks]``: the page, its manifest and what it costs."""

    title: str = setting("What is on this photo?", "shown to annotators")
    description: str = setting("Tick everything that you can see.", "shown to annotators")
    annotators: int = setting(5, "people who answer each image, 1 to 9")
    seconds_per_question: float = setting(6.0, "forecast of the time for one question")
    fee_per_object: float = setting(0.08, "the service's fee per image, in the currency")
    pay_per_hour: float = setting(15.0, "what an annotator earns, in the currency")
    pay_per_answer: float = setting(
        0.0, "what an annotator earns for an image, in place of the pay per hour; 0: by the hour"
    )
    currency: str = setting("USD", "of the two figures above")
    image_prefix: str = setting("", "s3:// prefix that replaces local paths in the manifest")
    examples: int = setting(3, "example images of a class that the page shows, of each kind")
    largest_price: float = setting(
        1000.0, "a higher price is confirmed before tasks are written; 0: never ask"
    )


@dataclass(frozen=True)
class JobSettings:
    """``[job]``: labelling jobs at Amazon SageMaker Ground Truth."""

    location: str = setting("", "s3:// folder for a job's template, manifest and answers")
    role: str = setting("", "ARN of the role that the service assumes")
    workteam: str = setting("", "ARN of a private or vendor work team")
    region: str = setting("", "of team and buckets; empty: as AWS_REGION or the profile says")
    attribute: str = setting("mumic", "name of the label attribute in the output manifest")
    keywords: tuple[str, ...] = setting(
        ("photos", "multiple choice"), "1 to 5, shown to annotators"
    )
    time_limit: int = setting(1800, "seconds for one task, 30 to 28,800")
    availability: int = setting(864_000, "seconds that a task is offered, at most 2,592,000")
    concurrent: int = setting(1000, "tasks offered at a time; a batch ends before the next starts")
    kms_key: str = setting("", "KMS key that encrypts uploads and output; empty: the bucket's own")
    tags: tuple[str, ...] = setting((), 'of the job, as in ["team=search", "stage=pilot"]')
    algorithm: str = setting("", "ARN for automated labelling; the next two need it")
    subnets: tuple[str, ...] = setting(
        (), "VPC of automated labelling; people's is the work team's"
    )
    security_groups: tuple[str, ...] = setting((), "of these subnets")
    pre_lambda: str = setting("", "ARN of a function before each task; none is needed")
    post_lambda: str = setting("", "ARN of a function that consolidates; none is needed")
    public_price: float = setting(0.0, "USD an answer, for a public team only")


@dataclass(frozen=True)
class ServeSettings:
    """``[serve]``: the local annotation server. ``[tasks] annotators`` people answer an image."""

    host: str = setting("127.0.0.1", "address to listen on; behind a TLS proxy leave it as it is")
    port: int = setting(8710, "port to listen on")
    public_url: str = setting("", "origin that annotators see, as https://annotate.example")
    lease_minutes: float = setting(30.0, "time for which an opened page is kept for its annotator")
    early_stop: bool = setting(False, "end an image once no further vote could change a label")
    votes_max: int = setting(0, "people at most where a label stays open after the others; 0: off")
    golden: str = setting("", "CSV with the columns path and class_id: images with known labels")
    golden_rate: float = setting(0.0, "share of pages that show such an image, 0 to 1")
    golden_recall: float = setting(0.5, "annotators who surely find less on them are paused")
    golden_precision: float = setting(
        0.3, "annotators whose ticks are surely right less often, too"
    )
    panel_parameter: str = setting("", "for outside panels: query parameter with the person's id")
    completion_parameter: str = setting("", "and another with the code that says they are done")
    completion_link: str = setting(
        "", "where a panel takes people back, with {annotator} and {completion} of these two"
    )


@dataclass(frozen=True)
class SimulateSettings:
    """``[simulate]``: simulated annotators, to try the path without people."""

    truth: str = setting("", "CSV with the columns path and class_id")
    annotators: int = setting(8, "size of the crowd; five of them answer each image")
    careless: int = setting(1, "how many of them tick almost at random")


@dataclass(frozen=True)
class ConsolidateSettings:
    """``[consolidate]``: from votes to labels."""

    min_votes: int = setting(3, "fewer yes and no votes than this leave a label unknown")
    vote_threshold: float = setting(
        0.6, "share of yes that makes a label, unless the class has one"
    )
    method: str = setting(METHODS[0], "majority, dawid-skene or pooled-dawid-skene")
    probability_threshold: float = setting(
        0.5, "probability that makes a label by the other two methods"
    )
    iterations: int = setting(100, "rounds of expectation and maximisation of these, at most")
    until: str = setting("", "day or time (UTC); answers submitted later are late; empty: none")


@dataclass(frozen=True)
class GoldenSettings:
    """``[golden]``: images that experts label, and what is learnt from them."""

    near: int = setting(10, "images a class whose votes are near its threshold")
    clear: int = setting(10, "images a class whose votes are clearly a yes")
    random: int = setting(200, "images drawn from all that have votes, asked every question")
    margin: float = setting(0.3, "rates this far from the threshold are near it")
    experts: int = setting(1, "experts who answer each image")
    resamples: int = setting(1000, "of whole properties, for intervals")
    beta: float = setting(1.0, "weight of recall against precision where thresholds are chosen")
    precision: float = setting(0.0, "choose for most recall at this precision instead; 0: F-beta")
    min_positives: int = setting(15, "fewer golden positives carry no threshold of a class's own")
    folds: int = setting(5, "parts of the golden set; a threshold is scored on those it never saw")


@dataclass(frozen=True)
class DatasetSettings:
    """``[dataset]``: splits."""

    train: float = setting(0.8, "share of images to train on")
    validation: float = setting(0.1, "share for early stopping and thresholds")
    test: float = setting(0.1, "share that only evaluation sees")
    split: str = setting(
        "lowest-frequency", "stratify by each image's rarest label, or iterative: by all of them"
    )
    missing: str = setting(
        "refuse", "where a split would lack a class: refuse, allow, or leave-out of the dataset"
    )
    near_duplicate_bits: int = setting(4, "perceptual hashes this close count as one image")
    images_per_shard: int = setting(1000, "of a WebDataset export")
    licence: str = setting(
        "", "SPDX name for exports, as CC-BY-4.0 or LicenseRef-ours; empty: stated as unknown"
    )
