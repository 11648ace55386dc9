"""The words of the Lesson page: what can be simulated, and the eight parts of the path."""

from dataclasses import dataclass
from typing import Literal

from storage.jobs.lessons import REFERENCE_ROWS

Page = Literal["overview", "columns", "predictions", "jobs"]

# The names are those of `python -m seed --list`.
SCENARIOS = {
    "none": "Nothing changes",
    "vocabulary": "New vocabulary",
    "concept": "“Sick” becomes praise",
    "label": "More positive reviews",
    "seasonal": "Seasons: a healthy rhythm",
    "sensor": "Broken sensor: missing",
    "sensor_stuck": "Broken sensor: stuck",
    "sensor_shifted": "Broken sensor: shifted",
}
MEANINGS = {
    "none": "Every alarm would be a false one.",
    "vocabulary": "Data drift: three of four reviewers turn to short slang about new products.",
    "concept": "Concept drift: the texts stay as they were, but “sick” and words like it now mean good.",
    "label": "Label drift: 75 % of the reviews are positive instead of 50 %.",
    "seasonal": "Evenings and weekends bring other customers, as they always did: inputs swing, the model stays right.",
    "sensor": "The price is missing from the onset on. Repair the feed; there is nothing to learn.",
    "sensor_stuck": "The price is 49.90 in every row. Repair the feed; there is nothing to learn.",
    "sensor_shifted": "The price comes in cents. Repair the feed; there is nothing to learn.",
}
HEALTHY = ("none", "seasonal")
BROKEN = ("sensor", "sensor_stuck", "sensor_shifted")
SHAPES = {"sudden": "Sudden", "gradual": "Gradual", "recurring": "Recurring"}
SPEEDS = (100, 500, 2_000)
AFTER = (0, 1_000, 2_000, 5_000, 10_000)
# Where the rule stands on the rhythm of this shop: four simulations of 20,000 live rows, none with an alarm.
RHYTHM_SAID = (
    "The reference holds two whole weeks, so the rule has measured how much neighbouring rows repeat each other "
    "(phi on the Overview) and asks for that much more evidence. A plain test counts every row as news and rings."
)


@dataclass(frozen=True)
class Part:
    """One part of the lesson: what to know, what to do, a question and its answer.

    `setup` names what the simulator should play for it, and `page` where to look.
    """

    title: str
    told: str
    task: str
    question: str
    answer: str
    setup: str = ""
    page: Page | None = None
    naive: bool = False


PARTS = (
    Part(
        "Why models age",
        "A model learns from yesterday and answers today. The world moves on: words, customers, prices, meanings. "
        "The code stays the same, no test fails, and the model is right less and less often.",
        "Play “New vocabulary” and watch the accuracy below: nothing crashes while it falls.",
        "Nobody touched the model. Which of the usual alarms (errors, latency, CPU) would have told you?",
        "None of them. The service answers as fast as before, with well-formed answers that are wrong more often. "
        "Only a comparison of what comes in, and of what turned out true, with what the model knew can tell.",
        setup="vocabulary",
    ),
    Part(
        "Data drift",
        "The inputs move: P(x) changes. It can be seen at once, without a single label, by comparing the newest rows "
        "with a reference.",
        "Play “New vocabulary”, then find on Columns what moved most, and by how much.",
        "Inputs moved. Is the model worse?",
        "That is not known from inputs alone. A model may meet new inputs and still be right, as with seasons. "
        "Only labels show a loss, so data drift alone never starts a retrain here: it says where to look.",
        setup="vocabulary",
        page="columns",
    ),
    Part(
        "Label drift",
        "The classes move: P(y) changes. More customers are happy, so more answers are “positive”; it shows in the "
        "predictions first, and in the labels when they come.",
        "Play “More positive reviews” and compare both charts of the Predictions page.",
        "75 % of the answers are positive now, 50 % were in training. Must the model be retrained?",
        "Not for that: here its accuracy stays where it was. If the cost of a mistake depends on the class, or a "
        "decision follows the share of positives, the threshold may need a look.",
        setup="label",
        page="predictions",
    ),
    Part(
        "Concept drift",
        "The meaning moves: P(y | x) changes. “This is sick” was a complaint and becomes praise; the inputs look as "
        "always.",
        "Play “Sick becomes praise”. Watch the columns stay green while accuracy falls as the labels come.",
        "Why does the alarm come later than for new vocabulary?",
        "Only labels can show it: no test of the inputs, however clever, sees a meaning. Labels come later than the "
        "rows and not for all of them, so the evidence grows more slowly.",
        setup="concept",
        page="predictions",
    ),
    Part(
        "The detector",
        "Numbers are compared by the Kolmogorov-Smirnov test, categories by chi-squared. Both give a p-value for "
        "one look. Looked at again and again, p < .05 lies: of a hundred healthy looks about five ring, per column.",
        "Play “Nothing changes” with the naive mode on, and count. Then try the seasons.",
        "Eleven columns, each tested at p < .05, and nothing has changed. How likely is it that one look rings?",
        "About 1 - .95^11 = 43 % if the columns were independent; they are not quite, so somewhat less. And every "
        "look is another chance. The rule of this board has one budget for the whole life of the monitor: at most a "
        "5 % chance of any false alarm, in any column, within 20,000 rows.",
        setup="none",
        page="overview",
        naive=True,
    ),
    Part(
        "The API",
        "A service asks for an answer with POST /predict, and each answer is logged. A pipeline asks with "
        "GET /drift-check whether all is well.",
        "Run these beside the simulation; the answers come from the model that you see here.",
        "Why does /drift-check say “insufficient_data” below 100 rows instead of “stable”?",
        "With few rows no test can tell a drift from chance. “Stable” would be read as “all is well”, and nobody "
        "knows yet.",
    ),
    Part(
        "Strategies",
        "Scheduled: retrain every night, whether needed or not. Triggered: when labels show a loss. Continuous: with "
        "every so many new labels. All three make the same job, with the same checks.",
        "On Retrain, open “Schedules and triggers” and set one up for this model.",
        "Which strategy would have been worst with the broken sensor?",
        "A schedule or a count of labels, if nothing checked the data: it would have learnt from the fault. "
        "The jobs here refuse a feed where values went missing in a burst or left their range; a value that is stuck "
        "within its range passes that check, so a person has to look.",
        setup="sensor",
        page="jobs",
    ),
    Part(
        "The pipeline",
        "Detect, alert, collect, train, evaluate on rows that neither model has seen, ask a person, roll out, watch. "
        "The same steps run on GitHub Actions with retrain.yml, where the person is the reviewer of an environment.",
        "Play “New vocabulary”. After the alarm start a retrain, wait for “your decision”, approve, and come back.",
        "The challenger passed every check. Why ask a person at all?",
        "The checks know the rows that have labels. A person knows what is going on: a campaign that ends tomorrow, a "
        "feed that was broken, an attack. The name and the note stay in the audit list.",
        setup="vocabulary",
        page="jobs",
    ),
)
REFERENCE_SAID = f"{REFERENCE_ROWS:,} healthy rows are the reference"
