"""First names, last names and towns of the demo's fictional signers."""

FIRST_NAMES = """
Adèle Agathe Ahmed Aïcha Alain Alice Aminata Anne Antoine Baptiste Béatrice Benoît Brigitte Camille Carlos
Caroline Catherine Céline Chantal Charles Claire Clément Colette Daniel David Denise Diane Élise Émile Emma
Estelle Étienne Fatou Félix Florence François Gabriel Gaëlle Georges Hélène Henri Hugo Inès Irène Isabelle
Jacques Jeanne Joël Judith Julien Karim Khadija Laure Léa Léon Linh Louise Luc Lucie Madeleine Malik Marc
Margaux Marie-Claude Marion Mathilde Maurice Mehdi Monique Moussa Nadia Nathalie Nicolas Noémie Odile Olga
Olivier Pascal Paul Philippe Pierre Raphaël Rémi Rose Sabine Samir Sarah Sébastien Simone Sofia Suzanne
Sylvie Théo Thérèse Thomas Valérie Victor Yasmine Yves Zoé
"""
LAST_NAMES = """
Adam Andrieu Arnaud Aubert Bailly Barbier Belkacem Benali Berger Bertrand Blanchard Bonnet Boucher Bourgeois
Brun Carpentier Chevalier Clerc Colin Cordier Cousin Da-Silva Delaunay Delmas Diallo Diop Dubois Dumont
Dupuis Étienne Fabre Faure Ferreira Fleury Fontaine Garnier Gauthier Gérard Girard Guérin Haddad Hamon Hervé
Hoarau Huet Jacob Joly Keller Konaté Lacroix Lambert Langlois Laurent Le-Goff Leclerc Lefèvre Lemaire Lenoir
Leroux Lopez Mallet Marchal Martin Masson Mercier Meunier Meyer Michaud Moreau Morvan Nguyen Noël Olivier
Paris Pelletier Perrin Picard Poirier Prévost Renard Rivière Robin Rolland Rousseau Roy Sanchez Schmitt
Simonet Tessier Traoré Vasseur Vidal Weber
"""
PLACES = (
    ("Paris", "75011", "FR"),
    ("Marseille", "13003", "FR"),
    ("Lyon", "69007", "FR"),
    ("Toulouse", "31000", "FR"),
    ("Lille", "59000", "FR"),
    ("Nantes", "44000", "FR"),
    ("Strasbourg", "67000", "FR"),
    ("Rennes", "35000", "FR"),
    ("Montreuil", "93100", "FR"),
    ("Blois", "41000", "FR"),
    ("Clermont-Ferrand", "63000", "FR"),
    ("Le Havre", "76600", "FR"),
    ("Saint-Denis", "97400", "RE"),
    ("Fort-de-France", "97200", "MQ"),
    ("Bruxelles", "1000", "BE"),
    ("Genève", "1204", "CH"),
    ("London", "N1 9GU", "GB"),
)
