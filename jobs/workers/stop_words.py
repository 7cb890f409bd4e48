"""Which words never belong to a keyword?

Closed classes of words: articles, pronouns, prepositions, conjunctions, auxiliaries, number and calendar
words, and verbs and adverbs so general that they name no subject. Lower case throughout.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = _words(
    """
    a an the this that these those such another other others each every either neither both all any some
    none no not nor many much more most few fewer less least several enough own same whole half
    i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her hers
    herself it its itself they them their theirs themselves one ones who whom whose which what whatever
    whoever someone somebody something anyone anybody anything everyone everybody everything nobody nothing
    somewhere anywhere everywhere nowhere
    about above across after against along alongside amid among around as at away because before behind
    below beneath beside besides between beyond but by despite down during except for from if in inside into
    like near nearby next of off on once onto opposite or out outside over past per round since so than
    though through throughout till to toward towards under underneath unless until unlike up upon via when
    whenever where wherever whereas whether while why with within without yet and also plus minus versus etc
    vs ie eg
    am is are was were be been being isn't aren't wasn't weren't do does did doing done don't doesn't didn't
    have has had having haven't hasn't hadn't can cannot can't could couldn't may might must shall should
    shouldn't will would wouldn't won't i'm i've i'll i'd you're you've you'll we're we've we'll they're
    they've it's that's there's here's what's let's
    again ago already almost alone always anyway apart aside back currently especially even ever exactly far
    first further here hence however how indeed instead just last later long mainly maybe merely mostly
    namely never nevertheless now often only otherwise perhaps please probably quite rather really recently
    second seldom simply sometimes soon still straight then there therefore third thus today together
    tomorrow tonight too twice usually very well yesterday
    able available better best big certain different due easily easy full general good great ready less
    little main new nice old particular possible real right small sure true useful various worth
    ask asked asks become becomes became begin begins began bring brings brought call called calls come
    comes came coming find finds finding found follow followed following follows get gets getting got give
    gives given gave giving go goes going gone went help helps hold holds held keep keeps kept know known
    knows knew leave leaves left let lets make makes making made mean means meant need needs needed offer
    offered offering offers put puts run runs ran say says said see sees seen seem seems serve served serves
    serving set sets show shows shown start started starts starting stay stays take takes taken took taking
    tell tells try tries tried trying turn turns turned use used uses using want wants wanted wait waits
    work works worked working close closed closes
    add added adds answered apply applied applies borrow build builds built changed choose chosen chooses
    contain contains count counts created creates cut cuts define defined defines depend depends end ended
    ending ends enter exist exists expect expected explain explains happen happened happens hear heard include
    included includes including learn learnt look looked looking looks miss missed missing move moved moves
    opened opens pass passed passes pick picked press read reads remain remains remove removed removes replace
    replaced replaces require required requires return returned returns save saved saves send sends sent sit
    sits skip skipped stand stands stood stop stopped stops support supported supports think thinks thought
    understand write writes written wrote yes allow allowed allows appear appears become cover covers enable
    enabled lie lies mark marked marks name named names note notes part parts piece pieces provide provided
    provides rest side sides stated value values word words
    absent common correct early empty exact free hard high large late likely low normal own plain quick ready
    recent similar simple single slow special strong wide wet wrong young
    kind kinds lot lots place places sort sorts thing things way ways bit example examples case cases
    zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety dozen hundred thousand
    million
    monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays
    saturdays sundays mon tue tues wed thu thur thurs fri sat sun mo tu th fr sa su january february march
    april may june july august september october november december jan feb mar apr jun jul aug sep sept oct
    nov dec second seconds minute minutes hour hours day days daily week weeks weekly weekend weekends
    weekday weekdays month months monthly year years morning mornings noon afternoon afternoons evening
    evenings night nights midnight clock o'clock holiday holidays season seasons time times
    http https www com org html
    """
)

GERMAN = _words(
    """
    der die das den dem des ein eine einer eines einem einen kein keine keiner keinem keinen dieser diese
    dieses diesem diesen jeder jede jedes jedem jeden alle allem allen aller alles manche mehr viel viele
    vielen wenig ich mich mir mein meine du dich dir dein er ihn ihm sein seine seinen seiner sie ihr ihre
    ihrem ihren ihrer es wir uns unser unsere unserem unseren unserer euch euer man sich selbst wer wen wem
    was welche welcher ab an am auf aus bei beim bis durch für gegen gegenüber hinter im in ins mit nach
    neben ohne seit statt über um unter vom von vor während wegen zu zum zur zwischen und oder aber denn
    doch sondern sowie als also ob wenn weil dass damit da dann wo wie weder noch auch nur nicht nie sehr so
    schon immer wieder hier dort heute etwa gern gerne besonders etwas nichts bin bist ist sind seid war
    waren wird werden wurde wurden worden hat haben hatte hatten kann können konnte muss müssen soll sollen
    will wollen darf dürfen mag gibt geben kommt kommen montags dienstags mittwochs donnerstags freitags
    samstags sonntags macht machen lässt findet finden bietet bieten
    """
)

FRENCH = _words(
    """
    le la les l un une des du de d au aux ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre
    vos leur leurs je j tu il elle on nous vous ils elles me te se lui y en qui que qu quoi dont où et ou
    mais donc or ni car comme si quand lorsque puis aussi très plus moins bien tout toute tous toutes autre
    autres même chaque quelques plusieurs à dans par pour sur sous avec sans chez vers entre depuis pendant
    avant après contre près ne pas jamais toujours encore déjà ici là est sont était étaient être été a ont
    avait avoir fait faire peut peuvent c'est n'est qu'il qu'elle
    """
)

ITALIAN = _words(
    """
    il lo la i gli le l un uno una dei degli delle di del dello della da dal dallo dalla dai dagli dalle in
    nel nello nella nei negli nelle a al allo alla ai agli alle su sul sullo sulla sui sugli sulle con col
    per tra fra e ed o oppure ma però se che chi cui quale quali come dove quando perché anche ancora già
    più meno molto molti molta molte poco tutto tutta tutti tutte ogni altro altri questo questa questi
    queste quello quella quelli mio mia suo sua suoi sue nostro nostra nostri nostre vostro io tu lui lei
    noi voi loro mi ti si ci vi ne non sempre mai qui qua è sono era erano essere stato ha hanno aveva avere
    fa fanno fare può possono c'è dopo prima senza sotto sopra dentro fuori presso
    """
)

SPANISH = _words(
    """
    el la los las lo un una unos unas de del al a ante bajo con contra desde en entre hacia hasta para por
    según sin sobre tras y e o u ni pero sino que quien quienes cual cuales cuyo como cuando donde porque si
    también tampoco ya aún todavía más menos muy mucho mucha muchos muchas poco todo toda todos todas cada
    otro otra otros otras este esta estos estas ese esa esos esas aquel mi mis tu tus su sus nuestro nuestra
    nuestros nuestras yo él ella ello nosotros ellos ellas me te se nos le les no sí nunca siempre aquí allí
    es son era eran ser sido está están estar ha han había haber hay hace hacer puede pueden después antes
    """
)

FOREIGN = (GERMAN, FRENCH, ITALIAN, SPANISH)


def stop_words_of(sentence_words: list[str]) -> frozenset[str]:
    """The stop words that hold for one sentence, given its words in lower case.

    The English ones, unless the sentence uses at least two words of another list and more of them than
    English ones: so a German sentence in an English text is read as German, while "spaghetti alle vongole"
    in an English sentence stays one phrase. Languages that fit equally well count together.
    """
    distinct = set(sentence_words)
    to_beat = max(1, len(distinct & ENGLISH))
    best = max(len(distinct & language) for language in FOREIGN)
    if best <= to_beat:
        return ENGLISH
    return frozenset().union(*(language for language in FOREIGN if len(distinct & language) == best))
