"""Names and values of the ``persona`` task.

No word of a person's name is a word of a value, and no value occurs in the small talk, so a value in the text is always
somebody's fact (``tests/memgym/tasks/persona/test_validity.py`` checks both).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product


def _items(text: str) -> tuple[str, ...]:
    """Split a comma-separated list that runs over several lines."""
    return tuple(" ".join(item.split()) for item in text.split(","))


def _pairs(form: str, first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    """Write every combination of two lists in the given form."""
    return tuple(form.format(a, b) for a, b in product(first, second))


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

FIRST_NAMES = tuple(
    """
    Aarav Abena Adaeze Adriana Aiko Ailsa Akira Alejandro Aleksy Alinta Amadou Amara Amina Anahera Anders Aneta
    Anjali Ansel Antonella Anwar Aoife Arash Ariadne Arjun Arvid Asel Astrid Ayelet Ayesha Babak Baraka Beatriz
    Benedikt Bilal Birgit Bogdan Branka Bronwyn Caetano Camila Catalin Chiara Chidi Cillian Ciro Clementine Cosmin
    Dagny Damir Danilo Darya Deepak Delphine Desta Dilnoza Dimitra Dorji Ebba Edda Efua Eirik Elif Eliska Emeka
    Enzo Erdem Esi Eszter Etienne Eunji Farida Farouk Fatou Femi Fergus Fiorella Folake Freya Gael Galina Ganbold
    Gareth Giulia Goran Greta Gulnara Gwen Habiba Hakan Hamza Hana Haruto Hedda Henrike Hiro Hoa Horatio Ibrahim
    Idris Ieva Ignacio Ilona Imani Indira Ingrid Ioana Iskander Isla Itzel Ivo Jamila Janek Jasna Jelena Jiho
    Joaquin Jomo Jovan Judit Kaito Kalinda Kamala Karim Katya Kenji Kerstin Khadija Kofi Kwame Laila Lamine Lars
    Leandro Leila Lennart Lieselotte Linh Liora Ljiljana Lorcan Lubna Lucjan Luisa Mahina Malik Manuela Marit
    Matteo Maura Mehmet Meilin Mieke Milos Minato Mireille Mohan Moana Nadia Naledi Nasrin Natsuki Neha Niamh Nikos
    Nilufar Noor Ode Odile Oksana Olamide Oluf Omar Oona Orsolya Osman Paloma Pavel Pernille Petra Phuong Pilar
    Priya Quentin Rafael Ramona Rashid Renata Rhys Rina Rohan Rosalind Ruslan Saana Sadia Salma Samir Sanjay Saskia
    Selin Senait Seung Shirin Sigrid Simone Siobhan Stellan Sunita Svetlana Tadeusz Takumi Tamar Tane Tariq Tendai
    Thandiwe Thora Tomasz Tuan Ulrike Usha Valeria Vanya Vikram Viveka Wanjiru Wiebke Xiomara Yael Yannick Yara
    Yasmin Yuki Yusuf Zahra Zainab Zdenka Zofia Zoltan Zuri
    """.split()
)

SURNAMES = tuple(
    """
    Abara Abdulov Achterberg Adeyemi Agarwal Ahlgren Aldana Alvarado Amundsen Andrade Aoki Appiah Arslan Asante
    Aydin Baptista Baranov Barzani Batbayar Bauer Beaumont Benali Berglund Bhatt Bianchi Blomqvist Boateng
    Bocanegra Bondarenko Borges Bozkurt Brandvold Brennan Cabrera Calloway Carvalho Castellano Cerny Chaudhry
    Chikwanha Choudhury Cisse Constantin Contreras Corrigan Dahl Darwish Dembele Desai Diallo Dimitrov Dlamini
    Dragomir Duarte Dubois Dvorak Eberhardt Echeverria Edelstein Ekwueme Elmasry Engstrom Erdogan Escobar Eze Fadel
    Falk Farahani Fasola Fekete Fernandes Ferrante Fitzgerald Fofana Fontaine Forsberg Fraga Fujimoto Gallagher
    Galvao Garimella Gebre Ghorbani Giannakis Gonzaga Gorski Grimaldi Gudmundson Guerrero Gupta Haddad Hakimi
    Halonen Halvorsen Hamadi Hasegawa Haugen Havel Heikkinen Hernandez Hidalgo Hoang Hofmann Horvath Hosseini
    Hrdlicka Ibarra Ichikawa Idowu Ilic Inoue Iyer Jablonski Jansson Jaramillo Jimenez Joshi Juhasz Kaminski Kapoor
    Karimi Kasprzak Kato Kaya Keita Kelleher Khalil Kimura Kiplagat Kirilenko Koroma Kovac Kowalczyk Kristensen
    Kruger Kuznetsov Lacroix Laghari Laine Lambert Larsen Laurent Leclerc Lehtonen Lindholm Lindqvist Llorente
    Lombardi Lopes Lundgren Luthra Macedo Machado Magnusson Mahlangu Makinen Malhotra Manolov Marchetti Marinescu
    Markovic Matsuda Mbeki Mehta Mendoza Mensah Mihailov Mikkelsen Moctezuma Molnar Monteiro Moreau Morozov
    Mukherjee Murakami Mwangi Nakagawa Nasser Ndiaye Nguyen Nielsen Nikolaidis Njoroge Nkrumah Novak Nowicki
    Nystrom Obando Oconnor Odhiambo Ogawa Okafor Okonkwo Olsson Onyango Orlov Ortega Osei Ozturk Paredes Parisi
    Patel Pedersen Pellegrini Pereira Petrenko Petrovic Pham Pietersen Pinheiro Popescu Pretorius Quispe Rahimi
    Rantanen Rasmussen Reyes Ricci Rinaldi Rosenthal Rousseau Sabatini Saeed Salazar Sandoval Santoro Sato
    Schneider Sedlak Sefton Serrano Shevchenko Shirazi Siddiqui Silveira Simonsen Sjoberg Skarsgard Soto Stavros
    Strand Suarez Sundaram Szabo Takahashi Tanaka Tavares Tembo Thapa Thorsen Tiwari Torvald Toure Tran Tremblay
    Tsosie Ueda Uzun Valdez Valtonen Vandermeer Varga Vasquez Venter Vidal Villanueva Vondracek Wachira Wallin
    Watanabe Weissman Wojcik Yadav Yamamoto Yilmaz Zapata Zeman Zhao Zielinski Zubiri Zulu
    """.split()
)

CITIES = _items("""
    Aarhus, Accra, Adelaide, Alicante, Almaty, Amman, Ankara, Antwerp, Arequipa, Asmara, Athens, Baku, Bamako,
    Bangalore, Basel, Belgrade, Bergen, Bilbao, Bogota, Bologna, Boston, Bratislava, Bremen, Brisbane, Bucharest,
    Busan, Cairo, Calgary, Canberra, Cardiff, Casablanca, Chennai, Cluj, Cologne, Copenhagen, Cusco, Dakar, Denver,
    Dhaka, Dresden, Dublin, Durban, Edinburgh, Eindhoven, Fukuoka, Gdansk, Geneva, Ghent, Glasgow, Graz,
    Guadalajara, Haifa, Hamburg, Hanoi, Havana, Helsinki, Hobart, Houston, Innsbruck, Istanbul, Izmir, Jakarta,
    Kampala, Kathmandu, Kigali, Krakow, Kyoto, Lagos, Leeds, Leipzig, Lima, Lisbon, Ljubljana, Luanda, Lusaka,
    Lyon, Malmo, Manila, Maputo, Marseille, Medellin, Melbourne, Minsk, Mombasa, Montevideo, Montreal, Mumbai,
    Munich, Nairobi, Nantes, Naples, Odessa, Oslo, Osaka, Ottawa, Oulu, Palermo, Perth, Phoenix, Porto, Portland,
    Prague, Quito, Reykjavik, Riga, Rotterdam, Salzburg, Santiago, Sapporo, Seattle, Seoul, Seville, Sarajevo,
    Skopje, Stockholm, Stuttgart, Surabaya, Taipei, Tallinn, Tampere, Tbilisi, Toronto, Toulouse, Trieste, Tromso,
    Tunis, Turin, Utrecht, Valencia, Vancouver, Vienna, Vilnius, Warsaw, Wellington, Windhoek, Winnipeg, Yerevan,
    Zagreb, Zurich
    """)

JOBS = _items("""
    accountant, actuary, anaesthetist, animator, archivist, arborist, architect, astronomer, auctioneer,
    baggage handler, bailiff, beekeeper, biochemist, blacksmith, bookbinder, botanist, bricklayer, bus driver,
    butcher, cabinet maker, carpenter, cartographer, chemist, chimney sweep, choreographer, clockmaker, cobbler,
    conservator, crane operator, customs officer, dermatologist, dietician, diplomat, dispatcher, ecologist,
    economist, electrician, epidemiologist, event planner, ferry captain, firefighter, florist, forester,
    game designer, gardener, geologist, glassblower, glazier, goldsmith, graphic designer, hairdresser,
    hydrologist, illustrator, interpreter, joiner, journalist, lab technician, lexicographer, librarian, lifeguard,
    locksmith, meteorologist, midwife, museum guide, notary, nurse, optician, paramedic, park ranger, pastry chef,
    pharmacist, physicist, pilot, plasterer, plumber, proofreader, publicist, quantity surveyor, radiographer,
    roofer, sailor, seamstress, security analyst, social worker, sound engineer, speech therapist, statistician,
    stonemason, surgeon, tailor, tattoo artist, tax adviser, tram driver, translator, upholsterer, urban planner,
    veterinarian, watchmaker, welder, zookeeper
    """)

EMPLOYERS = _pairs(
    "{} {}",
    """
        Altavia Birchmont Cobaltine Corvane Dunmarch Elmstead Fennwick Gildernow Harrowgate Ironvale Kestrelby
        Larkfield Marlowen Northlight Oakhaven Pinecrest Quillmark Ravenport Silverholt Thornbury Umberfield Vantora
        Westerby Yarrowdale
        """.split(),
    """
        Aviation Brewing Ceramics Diagnostics Freight Glassworks Insurance Logistics Optics Pharma Publishing Robotics
        Shipping Textiles Turbines
        """.split(),
)

DISHES = _pairs(
    "{} with {}",
    _items("""
        aubergine stew, baked trout, bean casserole, beef goulash, chicken pie, chickpea curry, duck ramen, fish tacos,
        goat tagine, lamb dumplings, lentil soup, mushroom risotto, pork schnitzel, potato gnocchi, pumpkin ravioli,
        spinach lasagne, tofu noodles, turkey chili
        """),
    _items("""
        basil, capers, cardamom, coriander, dill, fennel, lovage, marjoram, oregano, paprika, rosemary, saffron, sage,
        sumac, tarragon, thyme, turmeric
        """),
)

HOBBIES = _items("""
    archery, badminton, ballroom dancing, basket weaving, birdwatching, bouldering, bowling, boxing, calligraphy,
    candle making, canoeing, chess, coin collecting, cricket, crochet, croquet, curling, darts, embroidery,
    falconry, fencing, figure skating, fishing, flower arranging, foraging, frisbee, geocaching, genealogy,
    glass painting, golf, gymnastics, handball, hang gliding, horse riding, ice hockey, improv theatre, judo,
    juggling, karaoke, kayaking, kite flying, knitting, lacrosse, lino printing, magic tricks, metal detecting,
    model trains, mountain biking, origami, orienteering, paragliding, parkour, petanque, pilates, ping pong,
    poker, pottery, puppetry, quilting, rock climbing, rowing, rugby, salsa, scuba diving, skateboarding,
    snorkelling, snowboarding, soap carving, squash, stamp collecting, stargazing, stone balancing, sudoku,
    surfing, swimming, table football, tango, tap dancing, trampolining, triathlon, unicycling, volleyball,
    water polo, weightlifting, whittling, windsurfing, wine tasting, wood carving, wrestling, yoga
    """)

CARS = _pairs(
    "{} {}",
    "beige black bronze crimson green grey ivory maroon navy orange purple silver turquoise white yellow".split(),
    "Audi Citroen Dacia Fiat Honda Hyundai Kia Lexus Mazda Nissan Opel Peugeot Renault Skoda Subaru Toyota".split(),
)

INSTRUMENTS = _items("""
    accordion, alphorn, bagpipes, balalaika, bandoneon, banjo, bassoon, bodhran, bongos, bouzouki, bugle,
    castanets, celesta, cello, charango, clarinet, clavichord, concertina, cornet, didgeridoo, djembe, double bass,
    duduk, dulcimer, erhu, euphonium, flugelhorn, flute, French horn, glockenspiel, guitar, guqin, hammered zither,
    harmonica, harp, harpsichord, hurdy-gurdy, kalimba, koto, lute, mandolin, marimba, oboe, ocarina, organ, oud,
    pan pipes, piano, piccolo, recorder, saxophone, shamisen, sitar, snare drum, sousaphone, steelpan, tabla,
    tambourine, theremin, timpani, trombone, trumpet, tuba, ukulele, vibraphone, viola, violin, xylophone
    """)

LANGUAGES = tuple(
    """
    Afrikaans Albanian Amharic Arabic Armenian Aymara Azerbaijani Basque Bengali Bosnian Breton Bulgarian Burmese
    Cantonese Catalan Cebuano Croatian Czech Danish Dutch Esperanto Estonian Faroese Finnish Galician Georgian
    German Greek Guarani Gujarati Hausa Hawaiian Hebrew Hindi Hungarian Icelandic Igbo Indonesian Irish Italian
    Japanese Kazakh Khmer Korean Kurdish Kyrgyz Lao Latvian Lithuanian Macedonian Malay Maltese Mandarin Maori
    Marathi Mongolian Nepali Norwegian Pashto Persian Polish Portuguese Punjabi Quechua Romanian Russian Samoan
    Serbian Slovak Slovene Somali Spanish Swahili Swedish Tagalog Tamil Telugu Thai Tibetan Turkish Ukrainian Urdu
    Uzbek Vietnamese Welsh Xhosa Yiddish Yoruba
    """.split()
)

BOOKS = tuple(
    f"The {a} {b}"
    for a, b in product(
        """
    Amber Broken Burning Crooked Drowned Electric Forgotten Frozen Gilded Hollow Invisible Paper Scarlet Silent
    Sleeping Velvet Wandering Wooden
    """.split(),
        """
    Almanac Archipelago Cathedral Chandelier Comet Labyrinth Lantern Lighthouse Meridian Observatory Orchard Parade
    Reservoir Sparrow Staircase Viaduct Widow
    """.split(),
    )
)

REGIONS = _items("""
    Alsace, Andalusia, Anatolia, Arran, Bali, Bavaria, Borneo, Brittany, Burgundy, Calabria, Cappadocia, Carinthia,
    Catalonia, Corfu, Cornwall, Corsica, Crete, Dalmatia, Darjeeling, Flores, Galapagos, Galway, Goa, Gotland,
    Guadeloupe, Hokkaido, Ibiza, Istria, Jeju, Jutland, Karelia, Kashmir, Kerala, Lanzarote, Lapland, Liguria,
    Lofoten, Lombok, Madeira, Majorca, Martinique, Moravia, Naxos, Normandy, Okinawa, Orkney, Patagonia, Phuket,
    Provence, Puglia, Punjab, Rajasthan, Rhodes, Saarland, Sardinia, Saxony, Shetland, Sicily, Silesia, Skye,
    Svalbard, Tasmania, Tenerife, Tibet, Transylvania, Tuscany, Tyrol, Umbria, Uppland, Vermont, Wallonia,
    Yorkshire, Yucatan, Yukon, Zanzibar, Zealand
    """)

COUNTRIES = _items("""
    Albania, Algeria, Argentina, Armenia, Belize, Benin, Bolivia, Botswana, Brazil, Bulgaria, Cambodia, Cameroon,
    Chile, China, Colombia, Croatia, Cuba, Cyprus, Denmark, Ecuador, Egypt, Eritrea, Estonia, Ethiopia, Fiji,
    Gabon, Gambia, Ghana, Guatemala, Haiti, Honduras, Hungary, Iceland, Indonesia, Ireland, Jamaica, Kenya, Laos,
    Latvia, Lebanon, Lesotho, Liechtenstein, Lithuania, Madagascar, Malawi, Malta, Mauritius, Mexico, Moldova,
    Mongolia, Montenegro, Mozambique, Namibia, Nepal, Nicaragua, Norway, Pakistan, Panama, Paraguay, Poland,
    Rwanda, Samoa, Senegal, Serbia, Slovakia, Slovenia, Taiwan, Tanzania, Thailand, Togo, Tonga, Uganda, Ukraine,
    Uruguay, Vanuatu, Vietnam, Zambia, Zimbabwe
    """)

PETS = tuple(
    """
    Acorn Bandit Barnaby Biscuit Blossom Bramble Bubbles Buttercup Cashew Checkers Chutney Clover Cocoa Crumpet
    Custard Dandelion Domino Doodle Dumpling Ember Fidget Fudge Ginger Gizmo Gumdrop Hazel Hickory Jellybean
    Juniper Kipper Licorice Maple Marble Marmalade Mischief Mittens Mocha Muffin Nacho Nibbles Noodle Nutmeg Olive
    Oreo Pancake Patches Pebble Pepper Pesto Pickle Pippin Pixel Pretzel Pudding Pumpernickel Puzzle Quill
    Radish Raisin Rascal Ripple Rocket Rusty Scamp Scout Smudge Snickers Socks Sprocket Squeak Taffy Thistle Toffee
    Truffle Tumble Turnip Twiggy Waffles Whiskers Widget Wigglet Ziggy
    """.split()
)

ALLERGENS = _items("""
    almonds, apricots, aspirin, avocado, bananas, barley, bee stings, birch pollen, buckwheat, carrots, cashews,
    cat hair, celery, chamomile, cherries, clams, cobalt, codeine, crab, dust mites, egg white, formaldehyde,
    garlic, goose down, grass pollen, hazelnuts, ibuprofen, kiwi, lanolin, latex, lobster, lupin, mackerel,
    macadamias, mango, mildew, mould spores, mugwort, mussels, mustard, nickel, oysters, papaya, peaches, peanuts,
    pecans, penicillin, pine resin, pineapple, pistachios, poppy seeds, prawns, ragweed, rubber gloves, sesame,
    shrimp, soy sauce, squid, strawberries, sulphites, sunflower seeds, tuna, vanilla, walnuts, wasp venom, wheat,
    wool
    """)

BIRTHDAYS = tuple(f"{day} {month}" for month in MONTHS for day in range(1, 29))
TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(8, 20) for minute in range(0, 60, 5))
