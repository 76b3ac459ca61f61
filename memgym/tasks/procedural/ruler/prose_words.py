"""The vocabulary of the generated prose: topics with the nouns, verbs and places that go together.

The topics' verbs are transitive, in a form that is both past tense and participle; nouns are singular.
"""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """Words that go together: who acts, what they do, to what, of which kind, and where."""

    agents: tuple[str, ...]
    verbs: tuple[str, ...]
    objects: tuple[str, ...]
    adjectives: tuple[str, ...]
    places: tuple[str, ...]


_TOPICS = """
pilot, boatman, fisherman, harbour master, sailmaker, deckhand, chandler, ferryman
moored, painted, repaired, inspected, hauled, steered, anchored, launched, borrowed, abandoned
trawler, dinghy, anchor, buoy, lantern, net, barge, mast, rudder, compass, hull, rope
tarred, leaking, battered, salt-stained, slender, rusty, borrowed, seaworthy
beside the quay, beyond the breakwater, at low tide, off the point, under the old crane

grower, picker, cooper, grafter, carter, cider maker, beekeeper, foreman
pruned, planted, watered, sheltered, trimmed, gathered, sorted, carted, measured, weighed
pear tree, hedge, ladder, barrel, seedling, basket, cider press, beehive, plum tree, crate, trellis, sapling
gnarled, early, frost-bitten, heavy, blossoming, crooked, sweet-smelling, stunted
in the lower orchard, along the south wall, behind the press house, under the netting, near the cart track

clockmaker, apprentice, engraver, watch dealer, jeweller, locksmith, tinkerer, polisher
adjusted, polished, assembled, dismantled, wound, engraved, tested, oiled, copied, examined
pendulum, mainspring, dial, escapement, pocket watch, cogwheel, chime, brass key, bezel, workbench, lathe, regulator
delicate, brass, silent, ornate, punctual, worn, antique, miniature
on the upper shelf, in the back room, by the window, beneath the lamp, at the long bench

astronomer, night assistant, lens grinder, surveyor, computer, visitor, lecturer, instrument maker
observed, recorded, plotted, calculated, predicted, photographed, charted, catalogued, compared, missed
comet, eclipse, star chart, telescope, nebula, meteor, crater, satellite, orbit, spectrum, photographic plate, mirror
faint, distant, brilliant, blurred, unnamed, periodic, double, reddish
above the dome, near the horizon, in the logbook, from the southern station, before moonrise

actor, prompter, stagehand, playwright, seamstress, director, understudy, critic
rehearsed, staged, revised, applauded, mocked, cancelled, lighted, adapted, praised, opened
comedy, costume, curtain, monologue, backdrop, trapdoor, overture, prop sword, duet, farce, prologue, mask
tattered, unfinished, celebrated, gaudy, tragic, clumsy, velvet, forgotten
behind the scenery, in the second act, at the matinee, from the gallery, under the stage

signalman, porter, stationmaster, stoker, conductor, plate layer, commuter, ticket clerk
delayed, signalled, coupled, loaded, announced, cleared, shunted, inspected, reversed, missed
locomotive, goods wagon, timetable, signal, viaduct, tunnel, siding, whistle, carriage, level crossing, boiler, ticket
narrow-gauge, punctual, overloaded, sooty, nocturnal, provincial, derailed, gleaming
on the branch line, at the junction, past the water tower, along the embankment, in the waiting room

baker, cook, pastry chef, waiter, dishwasher, innkeeper, brewer, grocer
kneaded, tasted, seasoned, roasted, served, burned, peeled, simmered, sliced, ordered
loaf, broth, pie, omelette, sauce, dumpling, kettle, stew, pudding, cheese, oven, recipe
golden, lukewarm, peppery, generous, overcooked, fragrant, leftover, rustic
over a low flame, in the copper pan, at the counter, by the pantry, after the lunch rush

teacher, pupil, headmistress, caretaker, tutor, librarian, examiner, monitor
graded, explained, memorized, corrected, recited, copied, questioned, discussed, misplaced, finished
essay, blackboard, lesson, atlas, dictionary, poem, equation, report card, satchel, riddle, textbook, inkwell
difficult, tedious, well-thumbed, confusing, illustrated, short, elementary, advanced
in the third form, at the back of the class, during the break, beside the globe, after the bell

nurse, surgeon, patient, pharmacist, midwife, orderly, physician, porter
bandaged, examined, treated, prescribed, sterilized, diagnosed, recorded, checked, mixed, ordered
fracture, remedy, thermometer, splint, ward, stretcher, fever, tonic, wound, chart, syringe, stethoscope
mild, bitter, clean, stubborn, experimental, painful, spare, common
on the second ward, at the bedside, down the corridor, in the dispensary, before the night shift

climber, guide, shepherd, warden, muleteer, rescuer, surveyor, hiker
climbed, crossed, mapped, avoided, marked, followed, surveyed, photographed, attempted, described
ridge, glacier, summit, crevasse, hut, pass, scree slope, cairn, footbridge, gully, path, cornice
icy, exposed, treacherous, nameless, windswept, sheer, sunlit, remote
above the tree line, below the saddle, in thick fog, on the north face, beyond the last hut

miller, ferrywoman, engineer, angler, toll keeper, lock keeper, landowner, carpenter
dammed, dredged, repaired, flooded, blocked, bridged, widened, measured, rented, patrolled
weir, millstone, canal, sluice gate, water wheel, ford, embankment, towpath, millpond, culvert, lock, jetty
muddy, swollen, creaking, shallow, mossy, swift, disused, timbered
below the weir, at the bend, along the towpath, upstream, near the old ford

archivist, reader, bookbinder, scholar, translator, curator, bookseller, copyist
catalogued, translated, restored, borrowed, annotated, published, bound, returned, misread, indexed
manuscript, pamphlet, diary, almanac, folio, letter, index card, chronicle, preface, catalogue, novel, footnote
rare, anonymous, faded, leather-bound, overdue, handwritten, scholarly, incomplete
in the reading room, on the top shelf, among the ledgers, under glass, between two atlases

merchant, stallholder, auctioneer, customer, peddler, spice trader, inspector, weigher
traded, auctioned, priced, displayed, wrapped, sampled, purchased, imported, delivered, refused
carpet, bolt of silk, spice jar, sack of rice, mirror, basket, teapot, lamp, parcel, bracelet, drum, melon
costly, exotic, damaged, cheap, embroidered, genuine, bargain, oversized
under the arcade, at the corner stall, near the fountain, on market day, outside the customs house

judge, clerk, advocate, witness, bailiff, juror, notary, magistrate
contested, signed, dismissed, reviewed, drafted, challenged, questioned, postponed, quoted, accepted
verdict, contract, testimony, appeal, warrant, petition, will, statute, fine, alibi, claim, lease
unanimous, ambiguous, sealed, hasty, lawful, disputed, lengthy, provisional
before the bench, in the public gallery, at the assizes, behind closed doors, on the court steps

violinist, composer, cellist, singer, organist, piano tuner, drummer, choir leader
performed, rehearsed, composed, tuned, recorded, conducted, transposed, improvised, dedicated, repeated
sonata, waltz, hymn, cello, anthem, melody, fugue, piano, chorus, symphony, lullaby, trumpet
mournful, lively, dissonant, familiar, solemn, gentle, virtuosic, off-key
in the rehearsal hall, from the balcony, during the interval, beside the organ, at the festival

painter, sculptor, model, gallery owner, restorer, collector, etcher, framer
sketched, framed, exhibited, varnished, carved, praised, forged, repainted, purchased, signed
portrait, landscape, fresco, bust, easel, canvas, engraving, still life, statue, pigment, mural, frame
unsigned, luminous, cracked, vivid, enormous, abstract, gilded, sombre
in the north studio, at the spring salon, against the far wall, under the skylight, on the landing

farmer, dairymaid, ploughman, drover, blacksmith, vet, thresher, tenant
ploughed, fenced, harvested, mended, milked, sheared, leased, drained, fed, sold
meadow, barn, plough, heifer, haystack, paddock, tractor, wheat field, pigsty, gate, mare, thresher
fertile, stony, ramshackle, prize-winning, hungry, sodden, neglected, fallow
beyond the paddock, in the hayloft, across the lane, by the trough, at first light

miner, geologist, foreman, prospector, pump man, mule driver, assayer, blaster
excavated, drilled, sampled, reinforced, flooded, surveyed, explored, sealed, blasted, staked
shaft, vein of ore, tunnel, lamp, boulder, coal seam, trolley, fossil, quarry, pickaxe, timber prop, crystal
narrow, abandoned, promising, dripping, unstable, deep, glittering, barren
at the pit head, below the third level, in the main gallery, near the shaft, beneath the spoil heap

explorer, navigator, botanist, porter, cartographer, interpreter, naturalist, quartermaster
discovered, named, sketched, collected, described, crossed, pitched, rationed, circled, misjudged
lagoon, orchid, campsite, waterfall, beetle, canoe, island, tent, specimen, cave, reef, trail
uncharted, poisonous, marshy, tropical, volcanic, uninhabited, peculiar, sheltered
on the far shore, beyond the rapids, under the palms, in the rainy season, west of the camp

reporter, editor, typesetter, newsboy, photographer, columnist, proofreader, publisher
printed, edited, leaked, denied, verified, headlined, distributed, invented, summarized, corrected
headline, interview, rumour, obituary, column, advertisement, photograph, front page, scandal, misprint, telegram
sensational, unsigned, belated, reliable, three-line, exclusive, awkward, regional
in the evening edition, at the press, across the newsroom, before the deadline, on page nine

weaver, dyer, spinner, tailor, lacemaker, wool merchant, designer, knitter
stitched, dyed, folded, embroidered, trimmed, unpicked, pressed, patterned, measured, altered
shawl, tapestry, loom, ribbon, overcoat, quilt, spindle, collar, tablecloth, thimble, waistcoat, banner
woollen, crimson, threadbare, patterned, seamless, checked, delicate, striped
beside the loom, in the dye house, on the cutting table, under the eaves, at the hiring fair

glassblower, potter, kiln master, glazier, designer, supplier, decorator, packer
fired, shaped, cooled, glazed, cracked, decorated, packed, stacked, displayed, copied
vase, goblet, tile, window pane, jug, kiln, furnace, chandelier, bowl, lantern, figurine, beaker
translucent, flawed, cobalt, fragile, iridescent, hand-made, smoky, symmetrical
in the packing shed, next to the furnace, on the drying rack, at the trade fair, through the side door
"""

TOPICS = tuple(
    Topic(*(tuple(line.split(", ")) for line in block.split("\n"))) for block in _TOPICS.strip().split("\n\n")
)

SURNAMES = (
    "Abernathy Bexley Corwin Dunmore Ellsworth Fairclough Garrick Hathersage Ingram Jessop Kirkbride Lockhart "
    "Merriweather Northcote Ormsby Pemberton Quillfeather Ravenscroft Silverdale Thackeray Underhill Vanstone "
    "Whitcombe Yarrow Ashdown Birchall Calloway Delacroix Eastwood Finch Grimshaw Holloway Jarvis Kenworthy"
).split()

PEOPLE_ADJECTIVES = (
    "young old patient nervous cheerful retired local ambitious quiet stubborn generous tired experienced curious "
    "careless famous forgetful proud sincere weary clever shy"
).split()

TIMES = tuple(
    "that morning, in the evening, after the storm, the following week, years later, early in spring, before dawn, "
    "late in the autumn, on the first dry day, toward midnight, one Sunday, the day after, during the long winter, "
    "in those years, by the end of the month, at harvest time, shortly before noon, in the second year, "
    "on a cold afternoon, just after sunrise, from time to time, all summer, not long ago, the same night".split(", ")
)

ADVERBS = (
    "slowly quickly carefully reluctantly eagerly secretly openly promptly patiently nearly finally gladly hastily "
    "silently stubbornly proudly rarely often seldom usually twice calmly briefly deliberately wisely badly "
    "grudgingly thoroughly"
).split()

MENTAL_VERBS = (
    "believed suspected remembered insisted doubted hoped noticed claimed feared assumed denied admitted suggested "
    "explained understood forgot pretended concluded argued whispered wrote"
).split()

EFFECT_VERBS = (
    "surprised pleased annoyed puzzled delighted worried amused impressed disappointed comforted fascinated bored"
).split()

QUALITIES = (
    "price weight history colour smell condition age shape reputation ownership size absence value cost fate "
    "beauty origin arrival"
).split()

TAILS = tuple(
    "without saying why, hoping for better weather, in spite of the rumours, as a matter of habit, with great care, "
    "for no clear reason, to everyone's relief, against all advice, at some expense, and thought no more about it, "
    "with the help of a neighbour, as usual, in exchange for a favour, purely out of curiosity, "
    "long before it mattered, with mixed results, to settle an old argument, as the custom required, by mistake, "
    "in record time, under a borrowed name, for the third time, on the advice of a friend, "
    "without asking anyone".split(", ")
)

DURATIONS = tuple(
    "three weeks, most of a winter, an hour, half a day, several years, a whole season, ten minutes, a fortnight, "
    "longer than planned, two nights, a single morning, the rest of the year".split(", ")
)

OPENERS = tuple(
    "However, In the end, As it turned out, For a while, Meanwhile, Even so, By all accounts, Nevertheless, At first, "
    "Strangely enough, Before long, On the other hand, According to the papers, As a rule, Besides, Of course, "
    "To be fair, Instead, Once again, In short, All the same, Later, Fortunately, Naturally".split(", ")
)

SUBORDINATORS = ("when", "although", "because", "while", "once", "since", "as", "after", "before", "even though")
