"""How does a place read as a short text?

The text is prose, and its glue is made of function words, calendar words and little else: what a keyword
extractor, or a reader, finds in it are the facts of the place and not labels of ours. Facts that a place does
*not* have (``outdoor_seating=no``) are left out, since a list of words drops the "no".
"""

from jobs.workers.geojson import Place
from jobs.workers.opening_hours import hours_in_words

TYPE_KEYS = ("amenity", "shop", "tourism", "leisure")
"""The tags that say what kind of place it is, in order of preference."""

_FEATURES = {
    "outdoor_seating": "outdoor seating",
    "takeaway": "takeaway",
    "delivery": "delivery",
    "breakfast": "breakfast",
    "brunch": "brunch",
    "live_music": "live music",
    "microbrewery": "a microbrewery",
    "organic": "organic produce",
    "internet_access": "Wi-Fi",
    "wheelchair": "wheelchair access",
    "highchair": "high chairs",
    "playground": "a playground",
}
_LIMITED = {"wheelchair": "limited wheelchair access"}
_ABSENT = {"no", "none", "not", "unknown", ""}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Cuisine values that are adjectives of a people or a region: written with a capital and "food".
_REGIONS = _words(
    """
    african afghan american arab argentinian armenian asian australian austrian balkan bavarian belgian
    brazilian breton british bulgarian cantonese caribbean catalan chinese colombian croatian cuban
    czech danish dutch egyptian ethiopian european filipino french georgian german greek hawaiian
    hungarian indian indonesian iranian irish italian jamaican japanese jewish korean latin_american
    lebanese malaysian mediterranean mexican middle_eastern mongolian moroccan nepalese oriental
    pakistani persian peruvian polish portuguese romanian russian sicilian singaporean spanish swedish
    swiss syrian taiwanese thai tibetan tunisian turkish ukrainian uzbek venetian venezuelan vietnamese
    western
    """
)
_ADJECTIVES = _words("international local organic regional traditional vegan vegetarian")
_RENAMED = {"coffee_shop": "coffee", "steak_house": "steak"}


def place_type(tags: dict[str, str]) -> str:
    """The kind of place as one tag value (``restaurant``, ``fast_food``), "place" where no tag tells."""
    for key in TYPE_KEYS:
        first = values(tags.get(key, ""))[:1]
        if first:
            return first[0]
    return "place"


def values(tag: str) -> list[str]:
    """The values of a tag; OpenStreetMap separates several with a semicolon."""
    return [value.strip() for value in tag.split(";") if value.strip()]


def cuisine_phrases(tags: dict[str, str]) -> list[str]:
    """``italian;ice_cream`` → ``["Italian food", "ice cream"]``."""
    phrases = []
    for value in values(tags.get("cuisine", "")):
        spoken = _RENAMED.get(value, value).replace("_", " ")
        if value in _REGIONS:
            spoken = f"{spoken.title()} food"
        elif value in _ADJECTIVES:
            spoken = f"{spoken} food"
        phrases.append(spoken)
    return list(dict.fromkeys(phrases))


def address(tags: dict[str, str]) -> str:
    """Street, house number and town as far as they are known: ``Linzer Gasse 9, Salzburg``."""
    street = tags.get("addr:street") or tags.get("addr:place") or ""
    line = f"{street} {tags.get('addr:housenumber', '')}".strip() if street else ""
    return ", ".join(part for part in (line, tags.get("addr:city", "")) if part)


def describe(place: Place) -> str:
    """The place in three to five sentences, from its tags alone."""
    tags = place.tags
    kind = place_type(tags).replace("_", " ")
    if kind in ("fast food", "ice cream"):  # an offer, not yet a kind of place
        kind += " place"
    article = "an" if kind[:1] in "aeiou" else "a"
    cuisines = cuisine_phrases(tags)
    sentences = [f"{place.name} is {article} {kind}{' for ' + _listed(cuisines) if cuisines else ''}"]
    if tags.get("description"):
        sentences.append(tags["description"].strip().rstrip("."))
    features = _features(tags)
    if features:
        sentences.append(f"It has {_listed(features)}")
    if address(tags):
        sentences.append(f"It is at {address(tags)}")
    if tags.get("opening_hours"):
        sentences.append(f"Its hours are {hours_in_words(tags['opening_hours'])}")
    return " ".join(
        sentence if sentence.endswith(("!", "?", "…")) else f"{sentence}." for sentence in sentences
    )


def _features(tags: dict[str, str]) -> list[str]:
    features = [
        _LIMITED.get(key, phrase) if tags[key] == "limited" else phrase
        for key, phrase in _FEATURES.items()
        if tags.get(key, "") not in _ABSENT
    ]
    diets = [
        f"{'only ' if value == 'only' else ''}{key.removeprefix('diet:').replace('_', '-')} dishes"
        for key, value in tags.items()
        if key.startswith("diet:") and value in ("yes", "only", "limited")
    ]
    return diets + features


def _listed(phrases: list[str]) -> str:
    return " and ".join(part for part in (", ".join(phrases[:-1]), phrases[-1]) if part)
