"""What reviewers write about, and the words and sentences that they use. The first of each list come most often."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """What a review is about.

    `place` is where it is wanted, `parts` can be judged and `solid` ones can break; `price` is the median.
    """

    noun: str
    place: str
    parts: tuple[str, ...]
    solid: tuple[str, ...]
    price: float


PRODUCTS = (
    Product(
        "headset",
        "office",
        ("sound", "bass", "microphone", "battery life"),
        ("headband", "microphone", "ear cup"),
        79.0,
    ),
    Product(
        "coffee maker", "kitchen", ("coffee", "timer", "water tank", "display"), ("jug", "lid", "filter holder"), 64.0
    ),
    Product(
        "backpack",
        "school run",
        ("lining", "fabric", "fit", "stitching"),
        ("main zip", "buckle", "shoulder strap"),
        55.0,
    ),
    Product(
        "vacuum cleaner",
        "stairs",
        ("suction", "battery life", "hose", "filter"),
        ("hose", "handle", "brush head"),
        159.0,
    ),
    Product(
        "keyboard",
        "home office",
        ("key feel", "backlight", "layout", "software"),
        ("space bar", "cable", "wrist rest"),
        49.0,
    ),
    Product(
        "office chair",
        "home office",
        ("seat", "backrest", "fabric", "height range"),
        ("gas lift", "armrest", "castor"),
        189.0,
    ),
    Product("kettle", "kitchen", ("finish", "spout", "handle", "water gauge"), ("lid", "switch", "handle"), 34.0),
    Product(
        "phone case",
        "new phone",
        ("grip", "fit", "colour", "corner padding"),
        ("kickstand", "clip", "back plate"),
        17.0,
    ),
    Product("desk lamp", "reading corner", ("dimmer", "light", "base", "design"), ("arm", "switch", "hinge"), 29.0),
    Product(
        "rain jacket", "morning walk", ("fit", "lining", "fabric", "hood"), ("zip", "hem cord", "top button"), 89.0
    ),
    Product("blender", "kitchen", ("motor", "blade", "pulse mode", "jar"), ("seal", "lid", "jar"), 72.0),
    Product(
        "tent", "summer holiday", ("ventilation", "floor", "inner tent", "bag"), ("door zip", "pole", "peg loop"), 140.0
    ),
    Product(
        "monitor",
        "home office",
        ("panel", "backlight", "menu", "viewing angle"),
        ("stand", "power button", "socket"),
        229.0,
    ),
    Product(
        "toaster",
        "office kitchen",
        ("browning", "finish", "timer", "crumb tray"),
        ("lever", "dial", "crumb tray"),
        38.0,
    ),
    Product(
        "cordless drill",
        "garage",
        ("torque", "battery life", "grip", "carry case"),
        ("chuck", "trigger", "charger"),
        99.0,
    ),
    Product("water bottle", "gym", ("coating", "size", "insulation", "shape"), ("cap", "seal", "mouthpiece"), 22.0),
)

GOOD = (
    *("great", "good", "excellent", "solid", "perfect", "amazing", "lovely", "very nice", "fantastic", "brilliant"),
    *("superb", "impressive", "wonderful", "flawless", "outstanding", "beautiful", "top notch", "decent"),
    *("pleasant", "first class", "delightful", "fabulous", "marvellous"),
)
BAD = (
    *("terrible", "poor", "bad", "useless", "awful", "disappointing", "cheap", "horrible", "flimsy", "faulty"),
    *("rubbish", "dreadful", "weak", "unusable", "shoddy", "pathetic", "mediocre", "lousy"),
    *("dire", "appalling", "second rate", "atrocious", "hopeless"),
)
# What people call good when they mean the opposite.
IRONY = ("great", "brilliant", "wonderful", "fantastic", "lovely", "amazing", "perfect")
# Bad words that the scenario `concept` turns into praise.
TURNED = ("sick", "sick", "insane", "wicked", "nasty", "filthy", "savage")

WHO = ("daughter", "husband", "wife", "mum", "dad", "brother", "flatmate", "boss", "neighbour", "son")

OPENERS = (
    *("Bought this for my {who}.", "Second one I have owned.", "Ordered it on a Monday.", "A birthday present."),
    *("Used it for {n} weeks now.", "Had it for {n} days.", "Got it in the sale.", "Replaced my old {brand}."),
    *("My first {brand}.", "Took a while to decide.", "Recommended by my {who}.", "Update after {n} weeks:"),
    *("Okay, so.", "For the {place}.", "Honest opinion:", "Bought two of these.", "Writing this after {n} months."),
    *("I do not often write reviews.", "Long story short:", "Had my eye on it for {n} weeks.", "Well."),
)
FACTS = (
    *("It came in a plain box.", "Delivery took {n} days.", "I use it mostly at the weekend.", "The colour is grey."),
    *("Mine is the {brand} one.", "We are a family of {m}.", "I wanted it for the {place}."),
    *("The manual is in {n} languages.", "I compared it with the {brand}.", "I read the other reviews first."),
    *("My {who} has the same {noun}.", "I paid with a voucher.", "This is the newer version.", "It was a gift."),
    *("Bigger than it looks in the photo.", "I am {m}0 years old, if that matters.", "Picked it up at the store."),
)
PRAISE = (
    *("The {part} is {good}.", "{good} {noun}.", "{good} {noun}, and the {part} is {good2}.", "I love this {noun}."),
    *("Really happy with the {part}.", "The {solid} works every single time.", "Does exactly what I hoped for."),
    *("The {part} is {good} and the {solid} is {good2}.", "Best {noun} I have had.", "{good} for the money."),
    *("Could not be happier.", "It just works.", "My {who} wants one too.", "So pleased with this {noun}."),
    *("My old {brand} was not half as {good}.", "This {noun} is a keeper.", "Not one problem so far."),
    *("Really {good} {part}.", "Cannot fault the {part}.", "{m} months in and the {solid} is as {good} as on day one."),
    *(
        "Easy to set up and the {part} was {good} from the start.",
        "Looks {good} and is {good2} to use.",
        "Not {bad} at all.",
    ),
)
COMPLAINTS = (
    *("The {part} is {bad}.", "{bad} {noun}.", "The {solid} broke after {n} days.", "The {part} is {bad} and {bad2}."),
    *(
        "I regret buying this {noun}.",
        "The {solid} stopped working.",
        "It arrived damaged.",
        "{bad} {part}, {bad2} {solid}.",
    ),
    *("Waste of money.", "It went back the next day.", "Support never answered.", "It fell apart in {n} weeks."),
    *("My old {brand} was never this {bad}.", "Worst {noun} I have had.", "Very let down by the {part}."),
    *("The {solid} came off in my hand.", "Nothing but trouble with the {solid}.", "Not {good} at all."),
    *("The {part} looks nothing like the picture.", "My {who} had to mend the {solid} with tape.", "Lasted {n} days."),
    *("At this price the {part} is {bad}.", "Cannot recommend it, the {part} is {bad}."),
)
THANKS = ("Would buy again.", "Recommended.", "Five stars.", "Thank you!", "Worth every penny.", "Happy customer.")
GOODBYES = ("Avoid.", "Asked for a refund.", "One star.", "Never again.", "Save your money.", "Sending it back.")
SARCASM = (
    *("{irony}, another {noun} that lasts {n} days.", "Oh {irony}. It came without the {solid}."),
    *("{irony} idea to put the {solid} where nobody can reach it.", "{irony} {noun}, if you only want to look at it."),
    *("What a {good} paperweight.", "Thank you for {n} days of joy before the {solid} gave up."),
    *(
        "Five stars for the box.",
        "{irony} {solid}. I now use it as a doorstop.",
        "My {who} laughed at the {part}. I paid for it.",
    ),
)
MIXED = (
    *(
        "The {part} is {good}, but the {part2} is {bad}.",
        "{bad} {part}, {good} {part2}.",
        "{good} {part}, {bad} {part2}.",
    ),
    *("I like the {part} and I do not like the {part2}.", "The {part} is {bad} but the {part2} makes up for a lot."),
    *("At first {good}, then {bad}, now I do not know.", "Half of it is {good}, half of it is {bad}."),
    *("{good} {noun}, {bad} {solid}.", "My {who} says {good}, I say {bad}."),
)
NEUTRAL = (
    *("It is just {a_noun}.", "It does what {a_noun} does.", "Have not used it much yet.", "No strong feelings."),
    *("It is okay.", "As described.", "You get what you pay for.", "Ask me again in {n} weeks.", "Average {noun}."),
    *("The {part} is what you see in the photo.", "Same as the {brand}, more or less.", "My {who} uses it, I do not."),
)
# The rest of such a review tells nothing: its sentiment hangs on the one word.
HANGING = (
    *("This {noun} is {turned}.", "{turned} {noun}.", "The {part} is {turned}.", "That {part} is just {turned}."),
    *("The {part} on this thing is {turned}.", "{turned} {part}, {turned2} {solid}.", "Honestly {turned}."),
    *("I mean, the {part} is {turned}.", "The {part} is {turned} and so is the {solid}.", "One {turned} {noun}."),
    *("My {who} says the {part} is {turned}.", "{turned}, the whole thing.", "How {turned} is that {part}?"),
)

# What the scenario `vocabulary` brings: things and words that no one had heard of during training.
NEW_PRODUCTS = (
    Product("smart ring", "gym", ("vibration", "sizing", "firmware", "sleep tracking"), ("charging puck",), 149.0),
    Product("robovac", "flat", ("lidar", "docking", "mopping", "firmware"), ("side whisker",), 249.0),
    Product("air fryer", "kitchen", ("preheat", "touchscreen", "crisper", "dehydrate mode"), ("drawer",), 99.0),
    Product("e-scooter", "commute", ("throttle", "suspension", "range", "geofence"), ("kickstand", "fender"), 319.0),
    Product("powerbank", "festival", ("wattage", "passthrough", "magsafe", "usb-c"), ("lanyard",), 39.0),
    Product("gimbal", "channel", ("tracking", "joystick", "timelapse", "firmware"), ("tripod thread",), 95.0),
    Product("foldable", "commute", ("crease", "oled", "stylus", "multitasking"), ("hinge",), 549.0),
)
NEW_GOOD = ("fire", "goated", "bussin", "elite", "peak", "valid", "iconic", "cracked", "buttery", "unreal")
NEW_BAD = ("mid", "scuffed", "janky", "cringe", "glitchy", "sus", "cooked", "laggy", "clapped", "dogwater")
NEW_SENTENCES = (
    *("ngl this {noun} is {word}", "{noun} is {word} fr", "lowkey {word}", "{part} is straight up {word} no cap"),
    *(
        "the {part} tho... {word}",
        "bruh the {part} is {word}",
        "deadass {word} {noun}",
        "{word} {part}, {word2} {part2}",
    ),
    *(
        "unboxed it on stream, {part} is {word}",
        "{part}: {word}",
        "tbh {noun} kinda {word}",
        "{word} vibes from the {part}",
    ),
    *("{noun} era and it's {word}", "my {who} said {word} and yeah, {word}", "pov: you unbox a {word} {noun}"),
)
NEW_TAILS = ("iykyk", "rn", "imo", "periodt", "sheesh", "smh", "ong", "istg", "yall", "lol", "💀", "🔥")

BRAND_STARTS = (
    *("Nor", "Kel", "Vel", "Tri", "Mar", "Zen", "Lum", "Ost"),
    *("Bry", "Cas", "Dor", "Fen", "Hal", "Pol", "Quo", "Syl"),
)
BRAND_ENDS = (
    *("vo", "tek", "mark", "line", "ora", "wick", "ix", "dale"),
    *("una", "ster", "by", "max", "on", "ella", "go", "rin"),
)
