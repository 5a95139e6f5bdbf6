//! Last names; only such that go with every first name (no forms that follow the gender).

pub(super) const LAST: &str = "Aalto|Abbott|Acosta|Adler|Aguilar|Ahlgren|Albrecht|Almeida|Alvarez|Amsel|Andersen|Andersson|Araújo|Archer|Arnaud|\
    Ashworth|Aubert|Auer|Bachmann|Bailey|Balogh|Banaś|Barbieri|Barlow|Baranek|Barros|Bartoš|Bauer|Baumann|Beaumont|Becker|Bellini|Benson|Berg|\
    Bergström|Bianchi|Bielak|Björk|Blanc|Blanco|Bogaert|Böhm|Bonnet|Borg|Bosch|Boucher|Bowman|Brandt|Braun|Bricard|Brooks|Brunner|Bruun|Buczek|\
    Burton|Cabrera|Caldwell|Calvo|Campos|Carlsen|Caruso|Carvalho|Castro|Cervantes|Chapman|Chevalier|Christensen|Cichy|Clausen|Coleman|Colombo|\
    Conti|Cooper|Correia|Costa|Coulon|Crawford|Cunha|Czajka|Dahl|Dalgaard|Danek|Dąbek|Delgado|Delorme|Diallo|Dias|Dietrich|Domingo|Donovan|\
    Drozd|Dubois|Duda|Dufour|Dumont|Dupuis|Dvorsek|Ebert|Eckert|Edwards|Ekström|Eliasson|Engel|Eriksen|Escobar|Esposito|Fabian|Falk|Farkas|\
    Faure|Fernandes|Ferrara|Ferreira|Fiedler|Figueroa|Fischer|Fletcher|Florek|Fontaine|Forsberg|Fournier|Franke|Frey|Friis|Fuchs|Fuentes|Gajda|\
    Gallo|García|Gärtner|Gautier|Gawron|Gerber|Gibson|Girard|Głowacz|Gomes|Góral|Graf|Greco|Grüber|Guerra|Guérin|Günther|Haas|Hagen|Hahn|Halász|\
    Hansson|Hartmann|Hauser|Hedlund|Heller|Henriksen|Herrera|Hofer|Hoffmann|Holm|Horváth|Hughes|Iglesias|Ivarsson|Jäger|Jankovic|Jarosz|Jensen|\
    Johansson|Jokinen|Jonsson|Juhász|Jurek|Kaczor|Kaiser|Kallio|Kamara|Karlsen|Kasprzak|Keller|Kelly|Kempf|Kiss|Klein|Knudsen|Koch|Kolar|König|\
    Korhonen|Kos|Kossak|Kovács|Kowal|Kozak|Kraft|Krause|Kristensen|Krüger|Kubiak|Kuhn|Kurek|Lacroix|Laine|Lakatos|Lambert|Lang|Larsen|Laurent|\
    Leclerc|Lefèvre|Lehmann|Lennox|Leroux|Lewis|Lindgren|Lis|Lombardi|López|Lorenz|Lund|Machado|Madsen|Maes|Mäkinen|Maldonado|Marchand|Marek|\
    Marini|Marques|Martens|Mayer|Mazur|Medina|Meier|Mendes|Mercier|Meyer|Michalak|Mielke|Molina|Möller|Molnár|Monteiro|Morales|Moreau|Morgan|\
    Müller|Murray|Nagy|Navarro|Németh|Neumann|Nguyen|Nielsen|Niemi|Nilsson|Noël|Novak|Nowak|Núñez|Nyberg|Oliveira|Olsen|Orlando|Ortega|Osborne|\
    Pacheco|Palm|Papp|Parker|Pawlak|Peeters|Perrin|Persson|Petersen|Pfeiffer|Pichler|Pinto|Piątek|Poulsen|Preuß|Quinn|Rácz|Ramos|Rasmussen|\
    Reyes|Ribeiro|Richter|Riedel|Rivera|Robinson|Rojas|Romano|Rossi|Roux|Rybak|Saarinen|Sánchez|Santos|Sauer|Schäfer|Schmidt|Schneider|Schröder|\
    Schulz|Serrano|Sikora|Silva|Simonsen|Sobczak|Sørensen|Stein|Suárez|Svensson|Szabó|Szewc|Takács|Teixeira|Thomsen|Torres|Tóth|Urban|Vargas|\
    Vasseur|Vega|Vidal|Virtanen|Vogel|Wagner|Walczak|Weber|Weiß|Winkler|Wójcik|Wolf|Wrona|Yılmaz|Zając|Zanetti|Ziegler|Zimmermann|Żak";
