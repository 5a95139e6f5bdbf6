//! Streets and cities; existing and made-up ones.

pub(super) const STREETS: &str = "Ahornweg|Akazienstraße|Alameda Nova|Allée des Tilleuls|Am Alten Markt|Am Mühlbach|Amselweg|Apple Lane|Ash Grove|\
    Avenida del Sol|Avenida Central|Avenue des Peupliers|Avenue du Lac|Bachstraße|Bahnhofstraße|Baker Row|Beech Close|Bergstraße|Birch Avenue|\
    Birkenweg|Bridge Street|Brunnengasse|Buchenweg|Calle Mayor|Calle Nueva|Calle de la Fuente|Calle del Olivo|Canal Road|Cedar Court|Chemin Vert|\
    Chemin des Vignes|Cherry Lane|Church Walk|Dorfstraße|Eichenweg|Elm Street|Erlenweg|Feldstraße|Fichtenweg|Fjordveien|Forest Drive|Gartenstraße|\
    Garden Walk|Granvägen|Grove Road|Hafenstraße|Harbour View|Havnegade|Hazel Court|Hill Street|Hlavní|Kastanienallee|Kerkstraat|Kirkegata|\
    Kirschenweg|Kongensgade|Kwiatowa|Lake Road|Lerchenweg|Leśna|Lindenweg|Lipowa|Łąkowa|Maple Avenue|Meadow Lane|Mill Lane|Molenweg|Mühlenweg|\
    Na Kopci|Nádražní|North Parade|Oak Drive|Ogrodowa|Orchard Road|Park Crescent|Parkowa|Passeig del Mar|Petőfi utca|Piazza Nuova|Pine Street|\
    Place du Marché|Polna|Praça Velha|Prinsengang|Promenade du Port|Quai Neuf|Quince Road|River Walk|Robert-Koch-Weg|Rosenweg|Rua da Ponte|\
    Rua das Flores|Rue Haute|Rue Neuve|Rue de la Gare|Rue des Jardins|Rue du Moulin|School Lane|Schulstraße|Seestraße|Słoneczna|Sonnenweg|\
    South Street|Spacerowa|Spring Gardens|Stationsweg|Storgatan|Strandvej|Szkolna|Tannenweg|Ulmenweg|Via Garibaldi|Via Roma|Via dei Mulini|\
    Viale Europa|Vicolo Stretto|Waldweg|Wesoła|West Street|Wiesenweg|Willow Way|Wiśniowa|Zielona|Źródlana";

pub(super) const CITIES: &str = "Aalborg|Aarau|Albury|Alnwick|Ambleside|Antibes|Aveiro|Bamberg|Bath|Bellinzona|Bergamo|Bergen|Białystok|Bielefeld|\
    Bilbao|Bolton|Bozen|Braga|Brighton|Brno|Bruges|Burgos|Cádiz|Chełm|Chester|Cork|Córdoba|Cottbus|Cremona|Darlington|Debrecen|Delft|Derby|\
    Dijon|Dover|Drammen|Dresden|Eger|Elbląg|Esbjerg|Évora|Exeter|Faro|Ferrara|Flensburg|Freiburg|Galway|Gdynia|Ghent|Gijón|Gliwice|Göttingen|\
    Graz|Győr|Haarlem|Halmstad|Hereford|Innsbruck|Ipswich|Ivrea|Jena|Jihlava|Kalisz|Kalmar|Kassel|Kilkenny|Kolding|Konstanz|Košice|Kuopio|Lahti|\
    Leeuwarden|Leiria|León|Liberec|Lincoln|Linköping|Linz|Lleida|Lübeck|Lucca|Ludlow|Mâcon|Malmö|Mantova|Mechelen|Metz|Modena|Namur|Nîmes|\
    Nitra|Norwich|Nyíregyháza|Odense|Olomouc|Opava|Orléans|Örebro|Oulu|Parma|Passau|Pécs|Perth|Płock|Porvoo|Poznań|Puchov|Quimper|Radom|\
    Reading|Rennes|Rzeszów|Salzburg|Segovia|Siena|Sion|Szeged|Tampere|Tarnów|Thun|Toruń|Trieste|Trnava|Turku|Udine|Uppsala|Viborg|Villach|Wels|\
    Würzburg|York|Zamość|Zlín|Zwickau|Zwolle";
